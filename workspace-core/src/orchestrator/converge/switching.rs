//! The end of a stop after which the workspace has another project, or is on another server.

use std::sync::Arc;

use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::id::ServerId;
use crate::model::{
    Desired, Health, Intent, Observed, Problem, Project, ReservationPart, Status, Switch, SwitchTo, Workspace,
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
    pub(super) async fn left(&self, row: &Workspace, server: Result<Arc<dyn Server>>) -> Result<()> {
        let Some(switch) = row.desired.switch else { return Ok(()) };
        if !self.next(row, switch).await.is_ok_and(|next| next.moves) {
            return Ok(());
        }
        let left = match server {
            Ok(server) => match self.container_removed(row, &server).await {
                Ok(()) => self.network_removed(row, &server).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        match left {
            // Its data is elsewhere: what is left here no row knows when the server is back.
            Err(error) if switch.way().is_some() && error.is_retryable() && error.kind() != ErrorKind::Fenced => {
                tracing::info!(workspace = %row.id, error = error.chain(), "left a server that is away");
                Ok(())
            }
            left => left,
        }
    }

    /// Gives the stopped workspace its other project; what stands against that is told, and it keeps the one it has.
    pub(super) async fn switched(&self, row: &Workspace, switch: Switch) -> Result<()> {
        let refusal = match self.next(row, switch).await {
            Err(error) => error,
            Ok(next) => match self.take_next(row, &next).await {
                // The row or the project was changed: the next pass looks again.
                Ok(Ok(()) | Err(Refused::Stale { .. })) => return Ok(()),
                Ok(Err(refusal)) => refused("project", &refusal),
                Err(error) => error,
            },
        };
        match refusal.kind() {
            ErrorKind::StoreUnavailable | ErrorKind::Fenced => Err(refusal),
            _ if switch.way().is_some() && switch.start => self.arrive_stopped(row, switch, &refusal).await,
            _ => self.keep_project(row, &refusal).await,
        }
    }

    /// What moved is where its data is, though it cannot be started there.
    async fn arrive_stopped(&self, row: &Workspace, switch: Switch, error: &Error) -> Result<()> {
        tracing::warn!(workspace = %row.id, error = error.chain(), "moved, and not started");
        let next = self.next(row, Switch { start: false, ..switch }).await?;
        let change = self.switch_change(row, &next, Resources::default(), Resources::default(), Some(error));
        match self.commit(change).await? {
            Ok(_) | Err(Refused::Stale { .. }) => Ok(()),
            Err(refusal) => Err(refused("workspace", &refusal)),
        }
    }

    async fn next(&self, row: &Workspace, switch: Switch) -> Result<Next> {
        let wanted = match switch.to {
            SwitchTo::Project(project) => project,
            SwitchTo::Elsewhere(_) => row.desired.project,
        };
        let project = self.store.project(wanted).await?;
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
        let change = || self.switch_change(row, next, compute, disk, None);
        // One that moved has claimed it already.
        let held = self.held(next.server, row.id.as_uuid(), ReservationPart::Compute).await?;
        let wanted = compute.minus(held).zip(disk, u64::saturating_add);
        if wanted.is_zero() {
            return Ok(self.commit(change()).await?.map(|_| ()));
        }
        let request = PlacementRequest {
            resources: wanted,
            server: Some(next.server.to_string()),
            required: true,
            even_if_cordoned: true,
            ..PlacementRequest::default()
        };
        let claimed = self.claim(spec.placement.strategy.unwrap_or_default(), request, |_| change()).await?;
        Ok(claimed.map(|_| ()))
    }

    fn switch_change(
        &self,
        row: &Workspace,
        next: &Next,
        compute: Resources,
        disk: Resources,
        error: Option<&Error>,
    ) -> Change {
        let (server, start) = (next.server, next.switch.start);
        let holder = row.id.as_uuid();
        let copy = next.project.copy.clone().or_else(|| Some(next.project.new_copy(server)));
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
            error: error.map(Problem::from),
            ..Observed::new(match error {
                Some(_) => Status::Error,
                None if start => Status::Starting,
                None => Status::Stopped,
            })
        };
        let reserve = |holder, part, resources: Resources| {
            let claim = Write::Reserve { server, holder, part, resources, even_if_cordoned: true };
            (!resources.is_zero()).then_some(claim)
        };
        let allot = Write::AllotNetwork { server, workspace: row.id, from: self.first_network() };
        let event = match next.switch.way() {
            None => {
                let data = json!({ "from": row.desired.project, "to": next.project.id, "server": server });
                self.event(holder, "workspace.switched", data)
            }
            Some(way) => {
                let data = json!({ "cause": way.cause.name(), "from": row.desired.server, "server": server });
                self.event(holder, "workspace.moved", data)
            }
        };
        Change::by(self.lease.fence())
            .with_all(self.turned(row, desired, Observed { health: Health::Unknown, ..observed }))
            .with(in_use(&Project { copy, ..next.project.clone() }))
            .with(Write::Release { holder, part: ReservationPart::Compute })
            .with_all(reserve(holder, ReservationPart::Compute, compute))
            .with_all(reserve(next.project.id.as_uuid(), ReservationPart::Storage, disk))
            .with_all(next.moves.then_some(allot))
            .with(Write::Append(event))
    }

    async fn keep_project(&self, row: &Workspace, error: &Error) -> Result<()> {
        tracing::warn!(workspace = %row.id, error = error.chain(), "project not switched");
        let parent = row.id.as_uuid();
        let problem = Problem::from(error);
        let data = json!({ "code": problem.code, "message": problem.message, "hint": problem.hint });
        let event = self.event(parent, "workspace.switch_failed", data);
        let desired = Desired { switch: None, ..row.desired.clone() };
        // What it had on its server may be gone: the next start makes everything anew.
        let observed = Observed { error: Some(problem), ..Observed::new(Status::Error) };
        let change = Change::by(self.lease.fence())
            .with_all(self.turned(row, desired, observed))
            .with(Write::Release { holder: parent, part: ReservationPart::Compute })
            .with(Write::Append(event));
        match self.commit(change).await? {
            Ok(_) | Err(Refused::Stale { .. }) => Ok(()),
            Err(refusal) => Err(refused("workspace", &refusal)),
        }
    }
}
