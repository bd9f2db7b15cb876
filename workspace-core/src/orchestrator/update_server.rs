//! Editing a server.

use serde_json::json;

use crate::error::Result;
use crate::id::ServerId;
use crate::label::Labels;
use crate::model::{Scope, ServerRecord, ServerState, TlsMaterial};
use crate::orchestrator::audit::Asked;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::register_server::{check, totals};
use crate::orchestrator::{Caller, Config, Core, Orchestrator};
use crate::port::{Refused, Write};
use crate::resources::{Overcommit, Resources};

/// What to change of a server; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerPatch {
    /// New labels, all of them.
    pub labels: Option<Labels>,
    /// New totals; dimensions that are zero are asked from the server.
    pub capacity: Option<Resources>,
    /// At most this many running workspaces.
    pub max_workspaces: Option<u32>,
    /// More running workspaces than this only when no other server has room.
    pub soft_max_workspaces: Option<u32>,
    /// How far reservations may exceed the totals.
    pub overcommit: Option<Overcommit>,
    /// Data jobs at once.
    pub job_slots: Option<u32>,
    /// New certificates, tried before they are recorded; every master uses them from its next probe on.
    pub tls: Option<TlsMaterial>,
}

impl Orchestrator {
    /// Edits a server; with `if_match` only if it is at this revision. Less than what is reserved is allowed: nothing
    /// is moved, and nothing new comes until there is room again.
    ///
    /// # Errors
    /// `Invalid`, `RevisionMismatch`; with certificates that the server does not take or cannot show `TlsRefused`,
    /// `Unreachable`, `Timeout`. Then nothing is changed.
    pub async fn update_server(
        &self,
        caller: &Caller,
        id: ServerId,
        patch: ServerPatch,
        if_match: Option<u64>,
    ) -> Result<ServerState> {
        caller.require(Scope::Admin)?;
        if let Some(tls) = &patch.tls {
            self.core.try_certificates(&self.core.server_of(id).await?.record, tls).await?;
        }
        let config = &self.core.config;
        let edit = |state: &ServerState| patched(state, &patch, config);
        let state =
            self.core.edit_server(id, if_match, "server.changed", Some(caller.asks("server.update")), edit).await?;
        self.core.connect(&state.record).await?;
        Ok(state)
    }
}

fn patched(state: &ServerState, patch: &ServerPatch, config: &Config) -> Result<ServerRecord> {
    let mut record = state.record.clone();
    let spec = &mut record.spec;
    if let Some(labels) = &patch.labels {
        spec.labels.clone_from(labels);
    }
    spec.capacity = patch.capacity.or(spec.capacity);
    spec.max_workspaces = patch.max_workspaces.or(spec.max_workspaces);
    spec.soft_max_workspaces = patch.soft_max_workspaces.or(spec.soft_max_workspaces);
    spec.overcommit = patch.overcommit.unwrap_or(spec.overcommit);
    spec.job_slots = patch.job_slots.or(spec.job_slots);
    if let Some(tls) = &patch.tls {
        spec.tls = Some(tls.clone());
    }
    check(spec)?;
    let told = state.observation.probe.clone().unwrap_or_default();
    record.totals = totals(&record.spec, &told);
    record.for_jobs = config.set_off(&record.spec);
    Ok(record)
}

impl Core {
    /// Replaces a server's record by what `edit` makes of the newest; because somebody asked for it, or by itself.
    pub(super) async fn edit_server(
        &self,
        id: ServerId,
        if_match: Option<u64>,
        event: &str,
        asked: Option<Asked<'_>>,
        edit: impl Fn(&ServerState) -> Result<ServerRecord> + Send + Sync,
    ) -> Result<ServerState> {
        loop {
            let state = self.server_of(id).await?;
            if if_match.is_some_and(|expected| expected != state.record.revision) {
                return Err(refused("server", &Refused::Stale { current: state.record.revision }));
            }
            let record = edit(&state)?;
            if record == state.record {
                return Ok(state);
            }
            let change = self
                .asked(asked, id.as_uuid(), Some(&record.spec.name))
                .with(Write::UpdateServer { record, expected: state.record.revision })
                .with(Write::Append(self.event(id.as_uuid(), event, json!({ "revision": state.record.revision + 1 }))));
            match self.commit(change).await? {
                Ok(_) => return self.server_of(id).await,
                Err(Refused::Stale { .. }) if if_match.is_none() => {}
                Err(refusal) => return Err(refused("server", &refusal)),
            }
        }
    }
}
