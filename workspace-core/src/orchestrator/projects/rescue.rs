//! Bringing what only a former copy has into a snapshot.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::error::Result;
use crate::model::{Availability, Project, Rescue, ReservationPart, Snapshot, SnapshotProfile, SnapshotStatus};
use crate::orchestrator::Core;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, ObjectKind, Refused, Write};

/// A rescue that failed is tried again after this long.
pub(super) const PAUSE: Duration = Duration::from_mins(5);

/// What is said of such a snapshot.
const MESSAGE: &str = "rescued from a server that was lost";

impl Core {
    /// Takes every rescue of a project a step further: a former copy whose server is back is written to a snapshot,
    /// and goes when that is whole. What cannot be read stays with its volume until somebody decides.
    pub(in crate::orchestrator) async fn rescue(self: &Arc<Self>, project: &Project) -> Result<()> {
        if self.config.storage.is_none() {
            return Ok(());
        }
        for (at, rescue) in project.rescues.iter().enumerate() {
            let known = match rescue.snapshot {
                Some(id) => self.store.snapshot(id).await?,
                None => None,
            };
            match known {
                Some(Snapshot { status: SnapshotStatus::Ready, .. }) => return self.rescued(project, at).await,
                Some(Snapshot { status: SnapshotStatus::Creating | SnapshotStatus::Incomplete, .. }) => {}
                Some(failed) if self.env.now().since(failed.created_at) < PAUSE => {}
                _ if self.is_at_rest(rescue).await? => return self.begin_rescue(project, at).await,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a former copy's server answers and nothing of the workspace uses the copy any more.
    async fn is_at_rest(&self, rescue: &Rescue) -> Result<bool> {
        let healthy = self.store.server(rescue.copy.server).await?;
        let healthy = healthy.is_some_and(|server| server.observation.availability == Availability::Healthy);
        let Some(server) = self.pool.get(rescue.copy.server).filter(|_| healthy) else { return Ok(false) };
        let containers = server.list_containers(self.fleet).await?;
        let of_it = |kind, subject| kind == ObjectKind::Workspace && subject == rescue.workspace.as_uuid();
        let labels = containers.iter().filter_map(|container| container.labels.as_ref());
        Ok(!labels.into_iter().any(|labels| of_it(labels.kind, labels.subject)))
    }

    async fn begin_rescue(self: &Arc<Self>, project: &Project, at: usize) -> Result<()> {
        let mut next = project.clone();
        let Some(rescue) = next.rescues.get_mut(at) else { return Ok(()) };
        let message = Some(MESSAGE.to_owned());
        let (job, row) = self.snapshot_job(project, rescue.copy.clone(), SnapshotProfile::Full, message);
        let (id, holder) = (row.id, rescue.holder);
        rescue.snapshot = Some(id);
        let change = Change::by(self.lease.fence())
            .with(Write::Release { holder, part: ReservationPart::Compute })
            .with(Write::UpdateProject { project: next, expected: project.revision })
            .with(Write::PutSnapshot(Box::new(row)))
            .with(Write::InsertJob(Box::new(job.clone())));
        match self.commit(change).await? {
            Ok(_) => {
                tracing::info!(project = %project.id, snapshot = %id, "rescuing what a lost server had");
                self.drive_job(job.id);
                Ok(())
            }
            Err(Refused::Stale { .. } | Refused::NotFound) => Ok(()),
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }

    /// All of it is in a snapshot: the copy is needed no more.
    async fn rescued(&self, project: &Project, at: usize) -> Result<()> {
        let mut next = project.clone();
        let rescue = next.rescues.remove(at);
        next.superseded.push(rescue.copy);
        let write = Write::UpdateProject { project: next, expected: project.revision };
        let change = Change::by(self.lease.fence()).with(write).with_all(released(rescue.holder));
        match self.commit(change).await? {
            Ok(_) | Err(Refused::Stale { .. } | Refused::NotFound) => Ok(()),
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }
}

/// Gives back what is held for a rescue.
pub(super) fn released(holder: Uuid) -> [Write; 2] {
    [ReservationPart::Compute, ReservationPart::Storage].map(|part| Write::Release { holder, part })
}
