//! Changing what is wanted of a workspace.

use std::sync::Arc;

use serde_json::json;

use crate::error::Result;
use crate::id::WorkspaceId;
use crate::model::{Desired, Observed, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::audit::Asked;
use crate::orchestrator::converge::{back_in_its_place, way_released};
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

/// What an operation decided about a workspace.
pub(super) struct Verdict {
    /// What is wanted from now on.
    pub(super) desired: Desired,
    /// The transient status to show from now on.
    pub(super) status: Option<Status>,
    /// What to record, such as `workspace.stopping`.
    pub(super) event: &'static str,
}

impl Core {
    /// The change that makes a verdict so.
    pub(super) fn verdict(&self, row: &Workspace, verdict: &Verdict, asked: Option<Asked<'_>>) -> Change {
        self.asked(asked, row.id.as_uuid(), Some(&row.desired.name))
            .with(self.decision(row, verdict.desired.clone(), verdict.status))
            .with(Write::Append(self.event(row.id.as_uuid(), verdict.event, json!({ "revision": row.revision + 1 }))))
    }

    /// What is wanted of a workspace from now on, decided on the row as it was read; this master drives it.
    pub(super) fn decision(&self, row: &Workspace, desired: Desired, status: Option<Status>) -> Write {
        Write::DecideWorkspace {
            id: row.id,
            expected: row.revision,
            desired: Box::new(desired),
            status,
            driver: Some(self.lease.fence().clone()),
            at: self.env.now(),
        }
    }

    /// A decision, and what is seen with it.
    pub(super) fn turned(&self, row: &Workspace, desired: Desired, observed: Observed) -> [Write; 2] {
        let seen = Write::ObserveWorkspace { id: row.id, expected: row.revision + 1, observed, at: self.env.now() };
        [self.decision(row, desired, None), seen]
    }

    /// Decides on the newest row, again when somebody else was faster, unless `if_match` pins the revision; because
    /// somebody asked for it, or by itself. `None` from `decide` leaves everything as it is. Then the workspace is
    /// driven on.
    pub(super) async fn decide(
        self: &Arc<Self>,
        mut row: Workspace,
        if_match: Option<u64>,
        asked: Option<Asked<'_>>,
        decide: impl Fn(&Workspace) -> Result<Option<Verdict>> + Send + Sync,
    ) -> Result<Workspace> {
        loop {
            if let Some(expected) = if_match.filter(|&expected| expected != row.revision) {
                tracing::debug!(expected, current = row.revision, "edit of an older revision");
                return Err(refused("workspace", &Refused::Stale { current: row.revision }));
            }
            let Some(verdict) = decide(&row)? else { return Ok(row) };
            let gives_up = row.desired.switch.is_some() && verdict.desired.switch.is_none();
            let place = if gives_up { back_in_its_place(&row) } else { Vec::new() };
            let mut answer = self.commit(self.verdict(&row, &verdict, asked).with_all(place)).await?;
            // The place may be another's by now, or the server gone: that holds nothing up.
            if gives_up && matches!(answer, Err(Refused::Capacity { .. } | Refused::ServerClosed | Refused::InUse)) {
                answer = self.commit(self.verdict(&row, &verdict, asked).with_all(way_released(&row))).await?;
            }
            match answer {
                Ok(_) => return self.decided(row.id).await,
                Err(Refused::Stale { .. }) if if_match.is_none() => row = self.newest(row.id).await?,
                Err(refusal) => return Err(refused("workspace", &refusal)),
            }
        }
    }

    /// The row after a decision, with a driver on its way.
    pub(super) async fn decided(self: &Arc<Self>, id: WorkspaceId) -> Result<Workspace> {
        let row = self.newest(id).await?;
        if &row.driver == self.lease.fence() {
            self.drive(id);
        }
        Ok(row)
    }

    pub(super) async fn newest(&self, id: WorkspaceId) -> Result<Workspace> {
        let row = self.store.workspace(id).await?;
        row.ok_or_else(|| crate::error::Error::not_found("workspace"))
    }
}
