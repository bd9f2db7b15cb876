//! Editing a workspace.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::id::WorkspaceId;
use crate::label::Labels;
use crate::model::{Desired, Failover, HealthSpec, RestartSpec, Scope, Workspace};
use crate::orchestrator::intent::Verdict;
use crate::orchestrator::{Caller, Orchestrator, validate};
use crate::resources::Resources;

/// What to change of a workspace; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkspacePatch {
    /// A new name. At once.
    pub name: Option<String>,
    /// The owner's own labels. At once.
    pub labels: Option<Labels>,
    /// Seconds without use until it is stopped; `Some(None)` is never. At once.
    pub idle_timeout_seconds: Option<Option<u64>>,
    /// Seconds until it is deleted; `Some(None)` is never. At once.
    pub ttl_seconds: Option<Option<u64>>,
    /// When it is started again. At once.
    pub restart: Option<RestartSpec>,
    /// What happens when its server is lost. At once.
    pub failover: Option<Failover>,
    /// The image. With the next start.
    pub image: Option<String>,
    /// The program. With the next start.
    pub command: Option<Vec<String>>,
    /// The environment. With the next start.
    pub env: Option<BTreeMap<String, String>>,
    /// The published ports. With the next start.
    pub ports: Option<Vec<u16>>,
    /// How its health is looked at; `Some(None)` is not at all. With the next start.
    pub health: Option<Option<HealthSpec>>,
    /// What it may use; its disk cannot change. With the next start or restart, which claims it; what a restart needs
    /// less is given back when the workspace stops.
    pub resources: Option<Resources>,
}

impl Orchestrator {
    /// Edits a workspace; with `if_match` only if it is at this revision.
    ///
    /// # Errors
    /// `RevisionMismatch`, `Invalid`, `NameTaken`.
    pub async fn patch_workspace(
        &self,
        caller: &Caller,
        id: WorkspaceId,
        patch: WorkspacePatch,
        if_match: Option<u64>,
    ) -> Result<Workspace> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesWrite, id).await?;
        self.core
            .decide(row, if_match, Some(caller.asks("workspace.update")), |row| {
                let desired = patched(row, &patch)?;
                let changed = desired != row.desired;
                Ok(changed.then_some(Verdict { desired, status: None, event: "workspace.changed" }))
            })
            .await
    }
}

fn patched(row: &Workspace, patch: &WorkspacePatch) -> Result<Desired> {
    let mut desired = row.desired.clone();
    if let Some(name) = &patch.name {
        validate::name("name", name)?;
        desired.name.clone_from(name);
    }
    let spec = &mut desired.spec;
    set(&mut spec.labels, patch.labels.as_ref());
    set(&mut spec.idle_timeout_seconds, patch.idle_timeout_seconds.as_ref());
    set(&mut spec.ttl_seconds, patch.ttl_seconds.as_ref());
    set(&mut spec.restart, patch.restart.as_ref());
    set(&mut spec.failover, patch.failover.as_ref());
    set(&mut spec.image, patch.image.as_ref());
    set(&mut spec.command, patch.command.as_ref());
    set(&mut spec.env, patch.env.as_ref());
    set(&mut spec.ports, patch.ports.as_ref());
    set(&mut spec.health, patch.health.as_ref());
    if let Some(resources) = patch.resources {
        spec.resources = resize(row, resources)?;
    }
    validate::spec(spec)?;
    Ok(desired)
}

/// The new amounts; zero leaves a dimension as it is.
fn resize(row: &Workspace, asked: Resources) -> Result<Resources> {
    let old = row.desired.spec.resources;
    let new = Resources { slots: 1, ..asked.zip(old, |asked, old| if asked == 0 { old } else { asked }) };
    if new.disk_gib != old.disk_gib {
        return Err(Error::invalid("resources.disk_gib", "the disk of a workspace cannot change")
            .hint("make a new workspace with a larger disk"));
    }
    Ok(new)
}

fn set<T: Clone>(field: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}
