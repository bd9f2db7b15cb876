//! Putting the data of a project that nobody uses away from its server, into object storage.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::error::Result;
use crate::id::SnapshotId;
use crate::model::{Project, ProjectCopy, ReservationPart, SnapshotProfile, SnapshotStatus, Written};
use crate::orchestrator::Core;
use crate::orchestrator::jobs::why_not_whole;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

/// After a snapshot that is not whole, another one is begun this long after it.
const PAUSE: Duration = Duration::from_mins(5);

/// What is said of such a snapshot.
const MESSAGE: &str = "before its server is emptied";

impl Core {
    /// Takes a project without a workspace a step further off its server: all of its data goes into a snapshot, and
    /// when nobody used the data since that was begun, the copy is needed no more. Whatever uses the project next gets
    /// the data from the snapshot, on any server.
    ///
    /// # Errors
    /// Why the data cannot be put away as it is. It stays where it is, and a later call begins anew.
    pub(in crate::orchestrator) async fn put_away(self: &Arc<Self>, project: &Project) -> Result<()> {
        let Some(copy) = project.copy.clone() else { return Ok(()) };
        if self.is_written_into(project).await? {
            return Ok(());
        }
        if !copy.filled {
            return self.leave(project, copy, None).await;
        }
        let known = match project.leaving {
            Some(written) => self.store.snapshot(written.snapshot).await?.map(|snapshot| (snapshot, written.revision)),
            None => None,
        };
        let Some((snapshot, revision)) = known else { return self.begin_to_leave(project, copy).await };
        match (snapshot.status, why_not_whole(&snapshot)) {
            (SnapshotStatus::Creating, _) => Ok(()),
            (SnapshotStatus::Ready, None) if revision == project.revision => {
                self.leave(project, copy, Some(snapshot.id)).await
            }
            (_, Some(error)) if self.env.now().since(snapshot.created_at) < PAUSE => Err(error),
            _ => self.begin_to_leave(project, copy).await,
        }
    }

    async fn begin_to_leave(self: &Arc<Self>, project: &Project, copy: ProjectCopy) -> Result<()> {
        let message = Some(MESSAGE.to_owned());
        let (job, snapshot) = self.snapshot_job(project, copy, SnapshotProfile::Full, message);
        let written = Written { snapshot: snapshot.id, revision: project.revision + 1 };
        let next = Project { leaving: Some(written), ..project.clone() };
        let change = Change::by(self.lease.fence())
            .with(Write::UpdateProject { project: next, expected: project.revision })
            .with(Write::PutSnapshot(Box::new(snapshot)))
            .with(Write::InsertJob(Box::new(job.clone())));
        match self.commit(change).await? {
            Ok(_) => {
                self.drive_job(job.id);
                Ok(())
            }
            Err(Refused::Stale { .. } | Refused::NotFound | Refused::ProjectBusy) => Ok(()),
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }

    /// Nothing of the data is only on the server: the copy goes, and what was held for it.
    async fn leave(&self, project: &Project, copy: ProjectCopy, snapshot: Option<SnapshotId>) -> Result<()> {
        let (id, server) = (project.id, copy.server);
        let mut next = Project {
            seed: snapshot.or(project.seed),
            copy: None,
            leaving: None,
            put_away: copy.data_generation,
            ..project.clone()
        };
        next.superseded.push(copy);
        let data = json!({ "project": id, "name": project.name, "snapshot": snapshot });
        let change = Change::by(self.lease.fence())
            .with(Write::UpdateProject { project: next, expected: project.revision })
            .with(Write::Release { holder: id.as_uuid(), part: ReservationPart::Storage })
            .with(Write::Append(self.event(server.as_uuid(), "server.project_put_away", data)));
        match self.commit(change).await? {
            Ok(_) => self.tidy_project(id).await,
            Err(Refused::Stale { .. } | Refused::NotFound) => Ok(()),
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }
}
