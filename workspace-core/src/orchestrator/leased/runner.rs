//! A runner of jobs that an embedder brought, as a master may use it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::{JobId, ServerId};
use crate::orchestrator::lease::LeaseKeeper;
use crate::orchestrator::leased::LONGEST_CALL;
use crate::port::{AgentRunner, JobEventStream, JobSpec, JobState};

/// Looks at the lease before each call that changes something. The runner over servers does not need it: the servers
/// of a [`LeasedPool`](super::LeasedPool) do, also in the middle of a call.
#[derive(Debug)]
pub(in crate::orchestrator) struct LeasedRunner {
    runner: Arc<dyn AgentRunner>,
    lease: Arc<LeaseKeeper>,
}

impl LeasedRunner {
    pub(in crate::orchestrator) const fn new(runner: Arc<dyn AgentRunner>, lease: Arc<LeaseKeeper>) -> Self {
        Self { runner, lease }
    }

    async fn changing(&self) -> Result<&dyn AgentRunner> {
        self.lease.outlive(LONGEST_CALL).await?;
        Ok(self.runner.as_ref())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl AgentRunner for LeasedRunner {
    async fn start(&self, job: JobSpec) -> Result<()> {
        self.changing().await?.start(job).await
    }

    async fn state(&self, server: ServerId, job: JobId) -> Result<JobState> {
        self.runner.state(server, job).await
    }

    async fn events(&self, server: ServerId, job: JobId, after: u64) -> Result<JobEventStream> {
        self.runner.events(server, job, after).await
    }

    async fn cancel(&self, server: ServerId, job: JobId) -> Result<()> {
        self.changing().await?.cancel(server, job).await
    }

    async fn remove(&self, server: ServerId, job: JobId) -> Result<()> {
        self.changing().await?.remove(server, job).await
    }
}
