//! Starting a workspace that does not run.

use std::sync::Arc;

use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ServerId, WorkspaceId};
use crate::model::{Desired, Intent, ReservationPart, Scope, Status, Switch, Workspace};
use crate::orchestrator::audit::Asked;
use crate::orchestrator::intent::Verdict;
use crate::orchestrator::projects::in_use;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Core, Orchestrator};
use crate::placement::PlacementRequest;
use crate::port::{Refused, Write};
use crate::resources::Resources;

impl Orchestrator {
    /// Wants a workspace running: its capacity is claimed on the server where its data is, and a new container is
    /// made there. One that runs is started already.
    ///
    /// # Errors
    /// `InsufficientCapacity` and `NoHealthyServers` as for a new workspace; nothing changes then. `Conflict` while
    /// it is being deleted.
    pub async fn start_workspace(&self, caller: &Caller, id: WorkspaceId) -> Result<Workspace> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesWrite, id).await?;
        self.core.start(row, caller.asks("workspace.start")).await
    }
}

impl Core {
    pub(super) async fn start(self: &Arc<Self>, mut row: Workspace, asked: Asked<'_>) -> Result<Workspace> {
        loop {
            if row.desired.switch.is_some() {
                return self.start_after_switch(row, true, asked).await;
            }
            match row.desired.intent {
                Intent::Running => return Ok(row),
                Intent::Deleted => {
                    return Err(Error::new(ErrorKind::Conflict, "the workspace is being deleted"));
                }
                Intent::Stopped => {}
            }
            match self.claim_again(&row, "workspace.starting", asked).await? {
                Ok(()) => return self.decided(row.id).await,
                Err(Refused::Stale { .. }) => row = self.newest(row.id).await?,
                Err(refusal) => return Err(refused("workspace", &refusal)),
            }
        }
    }

    /// Says whether a workspace is started when it has its other project.
    pub(super) async fn start_after_switch(
        self: &Arc<Self>,
        row: Workspace,
        start: bool,
        asked: Asked<'_>,
    ) -> Result<Workspace> {
        self.decide(row, None, Some(asked), |row| {
            Ok(row.desired.switch.filter(|switch| switch.start != start).map(|switch| {
                let desired = Desired { switch: Some(Switch { start, ..switch }), ..row.desired.clone() };
                Verdict {
                    desired,
                    status: None,
                    event: if start { "workspace.starting" } else { "workspace.stopping" },
                }
            }))
        })
        .await
    }

    /// Claims what the next generation needs, where the data is, together with the wish to run. What the running
    /// generation holds is never lessened: it still runs until it is replaced.
    pub(super) async fn claim_again(
        &self,
        row: &Workspace,
        event: &'static str,
        asked: Asked<'_>,
    ) -> Result<Result<(), Refused>> {
        let Some(server) = row.desired.server else {
            return Err(Error::new(ErrorKind::Internal, "the workspace has no server"));
        };
        let project = self.store.project(row.desired.project).await?.ok_or_else(|| Error::not_found("project"))?;
        let spec = &row.desired.spec;
        let (holder, part) = (row.id.as_uuid(), ReservationPart::Compute);
        let held = self.held(server, holder, part).await?;
        let compute = spec.resources.without_disk().zip(held, u64::max);
        let request = PlacementRequest {
            resources: compute.minus(held),
            server: Some(server.to_string()),
            required: true,
            even_if_cordoned: true,
            ..PlacementRequest::default()
        };
        let desired = Desired {
            intent: Intent::Running,
            generation: row.desired.generation + 1,
            claimed: spec.clone(),
            ..row.desired.clone()
        };
        let verdict = Verdict { desired, status: Some(Status::Starting), event };
        let claimed = self
            .claim(spec.placement.strategy.unwrap_or_default(), request, |_| {
                let reserve = Write::Reserve { server, holder, part, resources: compute, even_if_cordoned: true };
                self.verdict(row, &verdict, Some(asked))
                    .with(in_use(&project))
                    .with(Write::Release { holder, part })
                    .with(reserve)
            })
            .await?;
        Ok(claimed.map(|_| ()))
    }

    pub(super) async fn held(&self, server: ServerId, holder: Uuid, part: ReservationPart) -> Result<Resources> {
        let live = self.store.reservations(server, false).await?;
        let held = live.into_iter().find(|reservation| reservation.holder == holder && reservation.part == part);
        Ok(held.map(|reservation| reservation.resources).unwrap_or_default())
    }
}
