//! Waiting for jobs.

use std::time::Duration;

use tokio::time::timeout;

use crate::error::Result;
use crate::id::{JobId, SnapshotId};
use crate::model::{Job, Snapshot};
use crate::orchestrator::{Caller, Orchestrator};

impl Orchestrator {
    /// Waits until a job is over. After `longest` it is returned as it is.
    pub async fn wait_job(&self, caller: &Caller, id: JobId, longest: Duration) -> Result<Job> {
        let job = self.job(caller, id).await?;
        if job.status.is_finished() {
            return Ok(job);
        }
        match timeout(longest, self.core.job_finished(id)).await {
            Ok(finished) => finished,
            Err(_) => self.job(caller, id).await,
        }
    }

    /// Waits until a snapshot is ready or has failed. After `longest` it is returned as it is.
    pub async fn wait_snapshot(&self, caller: &Caller, id: SnapshotId, longest: Duration) -> Result<Snapshot> {
        let snapshot = self.snapshot(caller, id).await?;
        self.wait_job(caller, snapshot.job, longest).await?;
        self.snapshot(caller, id).await
    }
}
