//! The end of a stop after which the workspace has another project.

use std::sync::Arc;

use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::event::NewEvent;
use crate::id::ServerId;
use crate::model::{
    Desired, Health, Intent, Observed, Problem, Project, ProjectCopy, ReservationPart, Status, Switch, Workspace,
};
use crate::orchestrator::Core;
use crate::orchestrator::projects::in_use;
use crate::orchestrator::refusal::refused;
use crate::placement::PlacementRequest;
use crate::port::{Change, Refused, Server, Write};
use crate::resources::Resources;

/// What a switch leads to.
struct Next {
    switch: Switch,
    project: Project,
    /// Where the project's data is or will be.
    server: ServerId,
    /// Whether that is another server than before.
    moves: bool,
}

impl Core {
    /// Nothing of the workspace is left on a server that it leaves. The data of the project that it had stays there.
    pub(super) async fn left(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<()> {
        let Some(switch) = row.desired.switch else { return Ok(()) };
        if !self.next(row, switch).await.is_ok_and(|next| next.moves) {
            return Ok(());
        }
        self.container_removed(row, server).await?;
        self.network_removed(row, server).await
    }

    /// Gives the stopped workspace its other project; what stands against that is told, and it keeps the one it has.
    pub(super) async fn switched(&self, row: &Workspace, switch: Switch) -> Result<()> {
        let done = match self.next(row, switch).await {
            Ok(next) => self.take_next(row, &next).await,
            Err(error) => Err(error),
        };
        match done {
            // The row or the project was changed: the next pass looks again.
            Ok(Ok(()) | Err(Refused::Stale { .. })) => Ok(()),
            Ok(Err(refusal)) => self.keep_project(row, &refused("project", &refusal)).await,
            Err(error) if matches!(error.kind(), ErrorKind::StoreUnavailable | ErrorKind::Fenced) => Err(error),
            Err(error) => self.keep_project(row, &error).await,
        }
    }

    async fn next(&self, row: &Workspace, switch: Switch) -> Result<Next> {
        let project = self.store.project(switch.project).await?;
        let project = project.filter(|project| !project.deleted && project.owner == row.owner);
        let project = project.ok_or_else(|| Error::not_found("project").hint("switch to another project"))?;
        let here = row.desired.server.ok_or_else(|| Error::new(ErrorKind::Internal, "the workspace has no server"))?;
        let server = project.copy.as_ref().map_or(here, |copy| copy.server);
        Ok(Next { switch, project, server, moves: server != here })
    }

    async fn take_next(&self, row: &Workspace, next: &Next) -> Result<Result<(), Refused>> {
        let spec = &row.desired.spec;
        let compute = if next.switch.start { spec.resources.without_disk() } else { Resources::default() };
        let disk = if next.project.copy.is_none() { spec.resources.only_disk() } else { Resources::default() };
        let change = || self.switch_change(row, next, compute, disk);
        if compute.is_zero() && disk.is_zero() {
            return Ok(self.commit(change()).await?.map(|_| ()));
        }
        let request = PlacementRequest {
            resources: compute.zip(disk, u64::saturating_add),
            server: Some(next.server.to_string()),
            required: true,
            even_if_cordoned: true,
            ..PlacementRequest::default()
        };
        let claimed = self.claim(spec.placement.strategy.unwrap_or_default(), request, |_| change()).await?;
        Ok(claimed.map(|_| ()))
    }

    fn switch_change(&self, row: &Workspace, next: &Next, compute: Resources, disk: Resources) -> Change {
        let (at, server, start) = (self.env.now(), next.server, next.switch.start);
        let holder = row.id.as_uuid();
        let first = ProjectCopy { server, data_generation: 1, filled: false, filled_by: None };
        let copy = next.project.copy.clone().or(Some(first));
        let mut desired = Desired {
            project: next.project.id,
            server: Some(server),
            switch: None,
            intent: if start { Intent::Running } else { Intent::Stopped },
            ..row.desired.clone()
        };
        if start {
            desired.generation += 1;
            desired.claimed = desired.spec.clone();
        }
        let observed = Observed {
            // Nothing of it was ever on the other server.
            generation: if next.moves { 0 } else { row.observed.generation },
            ..Observed::new(if start { Status::Starting } else { Status::Stopped })
        };
        let reserve = |holder, part, resources: Resources| {
            let claim = Write::Reserve { server, holder, part, resources, even_if_cordoned: true };
            (!resources.is_zero()).then_some(claim)
        };
        let allot = Write::AllotNetwork { server, workspace: row.id, from: self.first_network() };
        let data = json!({ "from": row.desired.project, "to": next.project.id, "server": server });
        let event = NewEvent { parent: holder, at, kind: "workspace.switched".to_owned(), data };
        self.decided_change(row, desired, observed)
            .with(in_use(&Project { copy, ..next.project.clone() }))
            .with(Write::Release { holder, part: ReservationPart::Compute })
            .with_all(reserve(holder, ReservationPart::Compute, compute))
            .with_all(reserve(next.project.id.as_uuid(), ReservationPart::Storage, disk))
            .with_all(next.moves.then_some(allot))
            .with(Write::Append(event))
    }

    async fn keep_project(&self, row: &Workspace, error: &Error) -> Result<()> {
        tracing::warn!(workspace = %row.id, error = error.chain(), "project not switched");
        let (at, parent) = (self.env.now(), row.id.as_uuid());
        let problem = Problem::from(error);
        let data = json!({ "code": problem.code, "message": problem.message, "hint": problem.hint });
        let event = NewEvent { parent, at, kind: "workspace.switch_failed".to_owned(), data };
        let desired = Desired { switch: None, ..row.desired.clone() };
        // What it had on its server may be gone: the next start makes everything anew.
        let observed = Observed { error: Some(problem), ..Observed::new(Status::Error) };
        let change = self
            .decided_change(row, desired, observed)
            .with(Write::Release { holder: parent, part: ReservationPart::Compute })
            .with(Write::Append(event));
        match self.commit(change).await? {
            Ok(_) | Err(Refused::Stale { .. }) => Ok(()),
            Err(refusal) => Err(refused("workspace", &refusal)),
        }
    }

    fn decided_change(&self, row: &Workspace, desired: Desired, observed: Observed) -> Change {
        let (id, expected, at) = (row.id, row.revision, self.env.now());
        let driver = Some(self.lease.fence().clone());
        let observed = Observed { health: Health::Unknown, ..observed };
        Change::by(self.lease.fence())
            .with(Write::DecideWorkspace { id, expected, desired: Box::new(desired), status: None, driver, at })
            .with(Write::ObserveWorkspace { id, expected: expected + 1, observed, at })
    }
}
