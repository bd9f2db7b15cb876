//! The step that makes the data of a workspace anew on another server.

use std::sync::Arc;

use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{JobId, ServerId};
use crate::model::{
    Availability, Desired, Job, Move, MoveCause, PlacementRecord, Project, ProjectCopy, ReservationPart, Snapshot,
    Switch, SwitchTo, SyncStep, Work, Workspace,
};
use crate::orchestrator::Core;
use crate::orchestrator::converge::filling::ended_well;
use crate::orchestrator::converge::moving::way_released;
use crate::orchestrator::jobs::NewJob;
use crate::orchestrator::projects::{data_changed, in_use};
use crate::orchestrator::refusal::refused;
use crate::placement::{Decision, PlacementRequest};
use crate::port::{Change, Refused, Write};
use crate::resources::Resources;

/// What the next copy is made of.
struct Leap<'a> {
    row: &'a Workspace,
    way: Move,
    project: Project,
    /// What the workspace will use there.
    compute: Resources,
    /// What its data holds.
    disk: Resources,
}

impl Core {
    /// The project's current copy is on another server, and whole.
    pub(in crate::orchestrator::converge) async fn moved(self: &Arc<Self>, row: &Workspace) -> Result<()> {
        let Some(switch) = row.desired.switch else { return Ok(()) };
        let Some(way) = switch.way() else { return Ok(()) };
        let project = self.project_of_row(row).await?;
        let Some(copy) = project.copy.clone() else { return Ok(()) };
        if Some(copy.server) != row.desired.server {
            return Ok(());
        }
        if let Some(job) = self.unfinished(way.job).await? {
            return ended_well(&self.job_finished(job.id).await?);
        }
        if way.cause == MoveCause::Failover {
            self.still_lost(copy.server).await?;
        }
        let disk = self.held(copy.server, project.id.as_uuid(), ReservationPart::Storage).await?;
        let compute = if switch.start { row.desired.spec.resources.without_disk() } else { Resources::default() };
        let leap = Leap { row, way, project, compute, disk };
        match self.snapshot_to_follow(&leap, &copy).await? {
            Some(snapshot) => {
                let job = self.begin_next(&leap, copy, &snapshot).await?;
                ended_well(&self.job_finished(job).await?)
            }
            None => self.leave_nothing(&leap).await,
        }
    }

    /// A server that is back before anything was begun elsewhere keeps what may still run there.
    async fn still_lost(&self, server: ServerId) -> Result<()> {
        match self.store.server(server).await? {
            Some(server) if server.observation.availability == Availability::Healthy => {
                let name = server.record.spec.name;
                Err(Error::new(ErrorKind::Conflict, format!("server {name} is back, and the workspace stays there")))
            }
            _ => Ok(()),
        }
    }

    /// What the next copy is made from; `None` where there is no data yet.
    async fn snapshot_to_follow(&self, leap: &Leap<'_>, copy: &ProjectCopy) -> Result<Option<Snapshot>> {
        if !copy.filled {
            return Ok(None);
        }
        match (leap.way.cause, leap.way.written) {
            (MoveCause::Drain, Some(written)) if written.revision == leap.project.revision => {
                Ok(Some(self.store.snapshot(written.snapshot).await?.ok_or_else(data_changed)?))
            }
            // It is written again.
            (MoveCause::Drain, _) => Err(data_changed()),
            (MoveCause::Failover, _) => self.newest_snapshot(&leap.project, None).await.map(Some),
        }
    }

    async fn begin_next(self: &Arc<Self>, leap: &Leap<'_>, from: ProjectCopy, snapshot: &Snapshot) -> Result<JobId> {
        let step = SyncStep::Restore { snapshot: snapshot.id, merge: false, dry_run: false };
        let (project, work) = (&leap.project, Work::Sync(vec![step]));
        let data_generation = project.next_data_generation();
        let copy = ProjectCopy { data_generation, filled: false, filled_by: None, ..from };
        let job = self.job_row(NewJob { project, copy, session: None, finishes: None, work });
        let on = |decision: &Decision| {
            let next = Job { copy: ProjectCopy { server: decision.server, ..job.copy.clone() }, ..job.clone() };
            let data = json!({
                "cause": leap.way.cause.name(), "to": decision.server_name, "job": job.id,
                "snapshot": snapshot.id, "data_of": snapshot.created_at,
            });
            // Held by the job until the copy is the current one, by the project from then on.
            let claim = claim(decision, job.id.as_uuid(), ReservationPart::Storage, leap.disk);
            self.leaving(leap, decision, Some(job.id), data)
                .with(in_use(project))
                .with_all(claim)
                .with(Write::InsertJob(Box::new(next)))
        };
        self.leap(leap, on).await?;
        self.drive_job(job.id);
        self.drive(leap.row.id);
        Ok(job.id)
    }

    /// Where there is no data, the place of what will be is given up for one on another server.
    async fn leave_nothing(self: &Arc<Self>, leap: &Leap<'_>) -> Result<()> {
        let (holder, part) = (leap.project.id.as_uuid(), ReservationPart::Storage);
        let on = |decision: &Decision| {
            let mut next = leap.project.clone();
            next.superseded.extend(next.copy.take());
            next.copy = Some(next.new_copy(decision.server));
            self.leaving(leap, decision, None, json!({ "cause": leap.way.cause.name(), "to": decision.server_name }))
                .with(Write::UpdateProject { project: next, expected: leap.project.revision })
                .with(Write::Release { holder, part })
                .with_all(claim(decision, holder, part, leap.disk))
        };
        self.leap(leap, on).await?;
        self.drive(leap.row.id);
        Ok(())
    }

    /// Finds a server and claims what is needed there.
    async fn leap(&self, leap: &Leap<'_>, change: impl Fn(&Decision) -> Change + Send + Sync) -> Result<()> {
        let strategy = leap.row.desired.spec.placement.strategy;
        let request = request_elsewhere(leap.row, leap.compute.zip(leap.disk, u64::saturating_add));
        match self.claim(strategy.unwrap_or_default(), request, change).await? {
            Ok(_) => Ok(()),
            Err(Refused::Stale { .. } | Refused::ProjectBusy) => Err(data_changed()),
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }

    /// What the workspace holds from now on is on the server that it goes to.
    fn leaving(&self, leap: &Leap<'_>, decision: &Decision, job: Option<JobId>, data: serde_json::Value) -> Change {
        let (holder, part) = (leap.row.id.as_uuid(), ReservationPart::Compute);
        // On a server that is away it may run on: the job holds its place there.
        let lost = job.filter(|_| leap.way.cause == MoveCause::Failover).zip(leap.row.desired.server);
        let kept = lost.map(|(job, server)| Write::Reserve {
            server,
            holder: job.as_uuid(),
            part,
            resources: leap.row.desired.claimed.resources.without_disk(),
            even_if_cordoned: true,
        });
        Change::by(self.lease.fence())
            .with(self.on_its_way(leap.row, Move { job, ..leap.way }, Some(decision.record.clone())))
            .with(Write::Release { holder, part })
            .with_all(claim(decision, holder, part, leap.compute))
            // A job before this one held it.
            .with_all(way_released(leap.row))
            .with_all(kept)
            .with(Write::Append(self.event(holder, "workspace.moving", data)))
    }

    /// How far the way is.
    pub(super) fn on_its_way(&self, row: &Workspace, way: Move, placement: Option<PlacementRecord>) -> Write {
        let start = row.desired.switch.is_some_and(|switch| switch.start);
        let desired = Desired {
            switch: Some(Switch { to: SwitchTo::Elsewhere(way), start }),
            placement: placement.unwrap_or_else(|| row.desired.placement.clone()),
            ..row.desired.clone()
        };
        self.decision(row, desired, None)
    }
}

/// What a workspace asks of another server than its own.
pub(in crate::orchestrator) fn request_elsewhere(row: &Workspace, resources: Resources) -> PlacementRequest {
    let placement = &row.desired.spec.placement;
    PlacementRequest {
        resources,
        labels: placement.requirements(),
        server: placement.server.clone(),
        required: placement.required,
        even_if_cordoned: false,
        excluded: row.desired.server.into_iter().collect(),
    }
}

fn claim(decision: &Decision, holder: uuid::Uuid, part: ReservationPart, resources: Resources) -> Option<Write> {
    let server = decision.server;
    (!resources.is_zero()).then_some(Write::Reserve { server, holder, part, resources, even_if_cordoned: false })
}
