//! Asking every server, again and again, how it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;

use crate::error::{Error, Result};
use crate::id::ServerId;
use crate::model::{Availability, Probe, ServerObservation, ServerRecord, ServerState};
use crate::orchestrator::Core;
use crate::orchestrator::register_server::totals;
use crate::orchestrator::server_facts::{Trouble, troubles};
use crate::port::{Change, Write};

/// After this many failed probes in a row a server counts as offline; after the first it gets no new work.
const FAILURES_UNTIL_OFFLINE: u32 = 3;

/// Probes every server, for ever.
pub(super) async fn keep_probing(core: Arc<Core>) {
    let mut failures = BTreeMap::new();
    loop {
        if let Err(error) = core.probe_all(&mut failures).await {
            tracing::warn!(error = error.chain(), "probes not recorded");
        }
        tokio::time::sleep(core.config.probe_interval).await;
    }
}

impl Core {
    async fn probe_all(self: &Arc<Self>, failures: &mut BTreeMap<ServerId, u32>) -> Result<()> {
        let servers = self.store.servers().await?;
        failures.retain(|id, _| servers.iter().any(|server| server.record.id == *id));
        let answers = join_all(servers.iter().map(|server| self.look(&server.record))).await;
        let mut changes = Vec::new();
        for (server, answer) in servers.iter().zip(answers) {
            if let Ok((probe, _)) = &answer {
                self.learn_totals(server, probe).await?;
            }
            let failed = failures.entry(server.record.id).or_default();
            *failed = if answer.is_ok() { 0 } else { *failed + 1 };
            changes.push(self.probed(server, answer, *failed));
        }
        // A server that was removed meanwhile is refused, and that is fine.
        for result in self.store.commit(&changes).await? {
            for event in result.into_iter().flat_map(|outcome| outcome.events) {
                self.hub.wake(event.parent);
            }
        }
        Ok(())
    }

    async fn look(&self, record: &ServerRecord) -> Result<(Probe, Option<i64>)> {
        // Registered by another master, or not connected at the start, or given other certificates.
        let server = self.connect(record).await?;
        self.probe_with_skew(&*server).await
    }

    /// A server that was offline when it was registered tells what it has when it first answers.
    async fn learn_totals(self: &Arc<Self>, server: &ServerState, probe: &Probe) -> Result<()> {
        if server.observation.probe.is_some() {
            return Ok(());
        }
        let learned = |state: &ServerState| {
            Ok(ServerRecord { totals: totals(&state.record.spec, probe), ..state.record.clone() })
        };
        self.edit_server(server.record.id, None, "server.learned", None, learned).await.map(|_| ())
    }

    fn probed(&self, server: &ServerState, answer: Result<(Probe, Option<i64>), Error>, failures: u32) -> Change {
        let before = server.observation.availability;
        let availability = match (answer.is_ok(), failures >= FAILURES_UNTIL_OFFLINE, before) {
            (true, _, _) => Availability::Healthy,
            (false, true, _) | (false, false, Availability::Offline) => Availability::Offline,
            (false, false, _) => Availability::Unhealthy,
        };
        let last_error = answer.as_ref().err().map(Error::chain);
        let answered = answer.is_ok();
        let told = |(probe, skew): (Probe, _)| (Some(probe), skew);
        let last = || (server.observation.probe.clone(), server.observation.clock_skew_ms);
        let (probe, clock_skew_ms) = answer.map_or_else(|_| last(), told);
        let id = server.record.id;
        let data = json!({ "name": server.record.spec.name, "availability": availability, "error": last_error });
        let last_probe = Some(self.env.now());
        let mut observation = ServerObservation { availability, last_probe, last_error, clock_skew_ms, probe };
        let warned = if answered { self.warn(server, &mut observation) } else { Vec::new() };
        let change = Change::default().with(Write::ObserveServer { id, observation }).with_all(warned);
        if availability == before {
            return change;
        }
        tracing::info!(server = server.record.spec.name, ?availability, "availability changed");
        change.with(Write::Append(self.event(id.as_uuid(), "server.availability", data)))
    }

    /// Adds what an operator has to see to to the warnings; what is new is told, and what is over.
    fn warn(&self, server: &ServerState, observation: &mut ServerObservation) -> Vec<Write> {
        let now = self.env.now();
        // What a server had from its registration on was not told yet.
        let shown = server.observation.probe.as_ref().map(|probe| &probe.warnings[..]).unwrap_or_default();
        let mut before = troubles(&server.observation, server.observation.last_probe.unwrap_or(now));
        before.retain(|trouble| shown.contains(&trouble.message));
        let found = troubles(observation, now);
        let tell = |kind: &str, trouble: &Trouble| {
            tracing::warn!(server = server.record.spec.name, trouble.code, trouble.message, kind);
            let data = json!({ "name": server.record.spec.name, "code": trouble.code, "message": trouble.message });
            Write::Append(self.event(server.record.id.as_uuid(), kind, data))
        };
        let begun = lacking(&found, &before).map(|trouble| tell("server.warning", trouble));
        let over = lacking(&before, &found).map(|trouble| tell("server.warning_over", trouble));
        let told = begun.chain(over).collect();
        if let Some(probe) = &mut observation.probe {
            probe.warnings.extend(found.into_iter().map(|trouble| trouble.message));
        }
        told
    }
}

/// The troubles of `these` that the others do not have.
fn lacking<'a>(these: &'a [Trouble], others: &'a [Trouble]) -> impl Iterator<Item = &'a Trouble> {
    these.iter().filter(|one| others.iter().all(|other| other.code != one.code))
}
