//! What happens when a step cannot succeed.

use serde_json::json;

use crate::error::{Error, Result};
use crate::event::NewEvent;
use crate::model::{Desired, Intent, Observed, Problem, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::converge::pipeline::Step;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

impl Core {
    /// Gives a start up: from now on the workspace is wanted stopped, so that what it holds is given back, and its
    /// `error` says why.
    pub(super) async fn give_up(&self, row: &Workspace, step: Step, error: &Error) -> Result<()> {
        tracing::warn!(workspace = %row.id, step = step.name(), error = error.chain(), "start given up");
        let event = self.failed_event(row, "workspace.failed", step, error);
        self.fail(row, Problem::from(error), row.observed.restarts, event).await
    }

    /// Wants a workspace stopped because of a problem, and says so.
    pub(in crate::orchestrator) async fn fail(
        &self,
        row: &Workspace,
        problem: Problem,
        restarts: u32,
        event: NewEvent,
    ) -> Result<()> {
        let desired = Desired { intent: Intent::Stopped, ..row.desired.clone() };
        let observed = Observed {
            status: Status::Stopping,
            error: Some(problem),
            waiting: None,
            restarts,
            ..row.observed.clone()
        };
        self.turn(row, desired, observed, event).await
    }

    /// Decides and observes in one change: what the driver itself concludes. A row that changed meanwhile is left to
    /// the next pass. What we drove when we read the row we must still drive: what others saw of it since is newer.
    pub(in crate::orchestrator) async fn turn(
        &self,
        row: &Workspace,
        desired: Desired,
        observed: Observed,
        event: NewEvent,
    ) -> Result<()> {
        let drove = (&row.driver == self.lease.fence()).then(|| self.observation(row, &row.observed));
        let change = Change::by(self.lease.fence())
            .with_all(drove)
            .with_all(self.turned(row, desired, observed))
            .with(Write::Append(event));
        match self.commit(change).await? {
            Ok(_) | Err(Refused::Stale { .. }) => Ok(()),
            Err(refusal) => Err(refused("workspace", &refusal)),
        }
    }

    /// Shows once what a workspace waits for; a row that changed meanwhile is left to the next pass.
    pub(super) async fn show_waiting(&self, row: &Workspace, step: Step, error: &Error) -> Result<()> {
        let problem = Problem::from(error);
        if row.observed.waiting.as_ref().is_some_and(|shown| shown.code == problem.code) {
            return Ok(());
        }
        let observed = Observed { waiting: Some(problem), ..row.observed.clone() };
        let change = Change::by(self.lease.fence())
            .with(self.observation(row, &observed))
            .with(Write::Append(self.failed_event(row, "workspace.waiting", step, error)));
        match self.commit(change).await? {
            Ok(_) | Err(Refused::Stale { .. }) => Ok(()),
            Err(refusal) => Err(refused("workspace", &refusal)),
        }
    }

    pub(in crate::orchestrator::converge) fn failed_event(
        &self,
        row: &Workspace,
        kind: &str,
        step: Step,
        error: &Error,
    ) -> NewEvent {
        let data = json!({
            "step": step.name(), "code": error.kind().code(), "message": error.chain(), "hint": error.next_step(),
        });
        self.event(row.id.as_uuid(), kind, data)
    }
}
