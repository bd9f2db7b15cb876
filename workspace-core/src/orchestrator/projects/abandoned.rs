//! Jobs that were given up while their servers were away.

use crate::error::Result;
use crate::id::{ProjectId, ServerId};
use crate::model::{AbandonedJob, Project};
use crate::orchestrator::Core;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused};

use super::in_use::in_use;

impl Core {
    /// Removes what may still run of a project's abandoned jobs on a server, or on every one: two that write are never
    /// at work on one copy.
    ///
    /// # Errors
    /// When a server does not answer: what was there may still run.
    pub(in crate::orchestrator) async fn end_abandoned(&self, id: ProjectId, on: Option<ServerId>) -> Result<()> {
        loop {
            let Some(project) = self.store.project(id).await? else { return Ok(()) };
            let (mut left, mut problem) = (Vec::new(), None);
            for abandoned in &project.abandoned {
                if on.is_some_and(|server| server != abandoned.server) {
                    left.push(*abandoned);
                } else if let Err(error) = self.end_one(*abandoned).await {
                    left.push(*abandoned);
                    problem = Some(error);
                }
            }
            if left != project.abandoned {
                let write = in_use(&Project { abandoned: left, ..project });
                match self.commit(Change::by(self.lease.fence()).with(write)).await? {
                    Ok(_) | Err(Refused::NotFound) => {}
                    Err(Refused::Stale { .. }) => continue,
                    Err(refusal) => return Err(refused("project", &refusal)),
                }
            }
            return problem.map_or(Ok(()), Err);
        }
    }

    async fn end_one(&self, abandoned: AbandonedJob) -> Result<()> {
        // What is no server of the fleet any more runs nothing for it.
        if self.store.server(abandoned.server).await?.is_none() {
            return Ok(());
        }
        self.jobs.remove(abandoned.server, abandoned.job).await?;
        tracing::info!(job = %abandoned.job, server = %abandoned.server, "what was left of an abandoned job is gone");
        Ok(())
    }
}
