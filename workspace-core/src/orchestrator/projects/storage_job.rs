//! Jobs that work in the object storage alone.

use crate::error::{Error, ErrorKind, Result};
use crate::id::ServerId;
use crate::model::{Availability, Job, Project, ProjectCopy, Snapshot, SyncStep, Work};
use crate::orchestrator::Core;
use crate::orchestrator::jobs::NewJob;

impl Core {
    /// The row of a job that does something with a snapshot. It needs none of the project's data, which may be gone.
    pub(super) async fn storage_job(&self, snapshot: &Snapshot, step: SyncStep) -> Result<Job> {
        let known = self.store.project(snapshot.project).await?;
        let near = known.as_ref().and_then(|project| project.copy.as_ref()).map(|copy| copy.server);
        let owner = snapshot.owner.clone();
        let project = known.unwrap_or_else(|| Project::new(snapshot.project, owner, None, None, snapshot.created_at));
        let server = self.server_for_storage(near).await?;
        let data_generation = snapshot.data_generation;
        let copy = ProjectCopy { server, data_generation, filled: true, filled_by: None };
        Ok(self.job_row(NewJob {
            project: &project,
            copy,
            session: None,
            finishes: None,
            work: Work::Sync(vec![step]),
        }))
    }

    /// A server that answers: the one that was named, or the oldest.
    async fn server_for_storage(&self, near: Option<ServerId>) -> Result<ServerId> {
        let servers = self.store.servers().await?;
        let mut healthy = servers
            .iter()
            .filter(|server| server.observation.availability == Availability::Healthy)
            .map(|server| server.record.id);
        let near = near.filter(|near| healthy.clone().any(|id| id == *near));
        near.or_else(|| healthy.next()).ok_or_else(|| {
            Error::new(ErrorKind::NoHealthyServers, "no server is healthy that could reach the object storage")
                .hint("see last_error of the servers")
        })
    }
}
