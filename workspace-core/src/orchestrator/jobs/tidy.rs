//! What is left on a server when a job is over.

use crate::error::Result;
use crate::model::Job;
use crate::orchestrator::Core;

impl Core {
    /// Removes the container of a finished job, and what its project needs no more. What cannot be removed now, the
    /// reconcile pass finds.
    pub(super) async fn tidy(&self, job: &Job) -> Result<()> {
        self.credentials.forget(job.id);
        if let Err(error) = self.jobs.remove(job.copy.server, job.id).await {
            tracing::debug!(job = %job.id, error = error.chain(), "container of a job not removed");
        }
        if let Err(error) = self.tidy_project(job.project).await {
            tracing::debug!(project = %job.project, error = error.chain(), "project not tidied");
        }
        Ok(())
    }
}
