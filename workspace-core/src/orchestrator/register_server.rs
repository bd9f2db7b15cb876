//! Registering servers.

use serde_json::json;

use crate::error::{Error, Result};
use crate::id::ServerId;
use crate::model::{Availability, Probe, Scope, ServerObservation, ServerRecord, ServerSpec, ServerState};
use crate::orchestrator::refusal::refused;
use crate::orchestrator::workspaces::Idempotency;
use crate::orchestrator::{Caller, Core, Orchestrator, validate};
use crate::port::{Refused, Write};
use crate::resources::Resources;

/// What to do with a server that does not answer when it is registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registration {
    /// Refuse it: it is most likely a slip in the record.
    #[default]
    MustAnswer,
    /// Keep it as offline; it joins when it answers.
    MayBeOffline,
}

impl Orchestrator {
    /// Registers a server: connects, asks what it has, and records it.
    ///
    /// # Errors
    /// Nothing is recorded when it fails: `Invalid`, `NameTaken`, `Unreachable`, `Timeout`, `TlsRefused`.
    pub async fn register_server(
        &self,
        caller: &Caller,
        spec: ServerSpec,
        registration: Registration,
        idempotency: Option<Idempotency>,
    ) -> Result<ServerState> {
        caller.require(Scope::Admin)?;
        let core = &self.core;
        check(&spec)?;
        let now = core.env.now();
        let (id, totals, for_jobs) =
            (ServerId::from_uuid(core.env.uuid()), spec.capacity.unwrap_or_default(), core.config.set_off(&spec));
        let mut record = ServerRecord { for_jobs, ..ServerRecord::new(id, spec, totals, now) };
        let remember =
            idempotency.map(|idempotency| idempotency.record(caller.owner_id().clone(), record.id.as_uuid(), now));
        if let Some(known) = core.remembered(remember.as_ref()).await? {
            return core.server_of(ServerId::from_uuid(known)).await;
        }
        let observation = core.first_look(&mut record, registration).await?;
        let name = record.spec.name.clone();
        let change = core
            .asked(caller.asks("server.register"), record.id.as_uuid(), Some(&name))
            .with_all(remember.clone().map(Write::Remember))
            .with(Write::InsertServer(record.clone()))
            .with(Write::ObserveServer { id: record.id, observation })
            .with(Write::Append(core.event(record.id.as_uuid(), "server.registered", json!({ "name": name }))))
            .with(Write::Append(core.event(
                core.fleet.as_uuid(),
                "server.registered",
                json!({ "server": record.id, "name": name }),
            )));
        match core.commit(change).await? {
            Ok(_) => core.server_of(record.id).await,
            Err(refusal) => {
                core.disconnect(record.id).await;
                let Refused::Remembered(other) = refusal else { return Err(refused("server", &refusal)) };
                core.server_of(ServerId::from_uuid(Idempotency::same(&other, remember.as_ref())?)).await
            }
        }
    }

    /// Registers these servers if the fleet has none yet; the number that was registered. Servers that do not answer
    /// are kept as offline.
    ///
    /// # Errors
    /// On the first record that can never work.
    pub async fn seed_servers(&self, caller: &Caller, specs: Vec<ServerSpec>) -> Result<usize> {
        if !self.servers(caller).await?.is_empty() {
            return Ok(0);
        }
        let count = specs.len();
        for spec in specs {
            self.register_server(caller, spec, Registration::MayBeOffline, None).await?;
        }
        Ok(count)
    }
}

impl Core {
    /// Connects and probes; fills the totals in.
    async fn first_look(&self, record: &mut ServerRecord, registration: Registration) -> Result<ServerObservation> {
        let server = self.connect(record).await?;
        match self.probe_with_skew(&*server).await {
            Ok((probe, clock_skew_ms)) => {
                record.totals = totals(&record.spec, &probe);
                Ok(ServerObservation {
                    availability: Availability::Healthy,
                    last_probe: Some(self.env.now()),
                    last_error: None,
                    clock_skew_ms,
                    probe: Some(probe),
                })
            }
            Err(error) if registration == Registration::MustAnswer => {
                self.disconnect(record.id).await;
                Err(error)
            }
            Err(error) => Ok(ServerObservation {
                availability: Availability::Offline,
                last_probe: Some(self.env.now()),
                last_error: Some(error.chain()),
                clock_skew_ms: None,
                probe: None,
            }),
        }
    }
}

/// What a server has: what the admin said, and where that says nothing, what the server told.
pub(super) fn totals(spec: &ServerSpec, probe: &Probe) -> Resources {
    let said = spec.capacity.unwrap_or_default();
    let mut totals = said.zip(probe.totals, |said, told| if said == 0 { told } else { said });
    // GPUs are only what the admin says: a container engine does not count them.
    totals.gpus = said.gpus;
    if let Some(most) = spec.max_workspaces {
        totals.slots = u64::from(most);
    }
    totals
}

pub(super) fn check(spec: &ServerSpec) -> Result<()> {
    validate::name("name", &spec.name)?;
    validate::labels("labels", &spec.labels)?;
    if let Some(capacity) = &spec.capacity {
        validate::resources("capacity", capacity)?;
    }
    if spec.endpoint.is_empty() || spec.endpoint.len() > 512 {
        return Err(Error::invalid("endpoint", "an endpoint is needed").hint("such as https://10.0.0.5:2376"));
    }
    if spec.job_slots == Some(0) {
        return Err(Error::invalid("job_slots", "a server without data jobs can neither fetch nor save anything")
            .hint("give 1 or more, or leave it out"));
    }
    let percents = [spec.overcommit.cpu_percent, spec.overcommit.memory_percent, spec.overcommit.disk_percent];
    if percents.iter().any(|percent| !(1..=10_000).contains(percent)) {
        return Err(Error::invalid("overcommit", "over-commit must be between 1 and 10000 percent"));
    }
    Ok(())
}
