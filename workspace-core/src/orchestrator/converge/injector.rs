//! What goes wrong in a step on purpose: only in builds for tests.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::WorkspaceId;
use crate::model::Workspace;
use crate::orchestrator::Core;
use crate::orchestrator::converge::pipeline::Step;

/// What happens around the steps of a workspace; steps know nothing of it.
///
/// Whatever never comes back stands for a process that ended there: drop the orchestrator then.
#[async_trait]
pub trait Injector: Debug + Send + Sync + 'static {
    /// Before a step; an error is what the step answers, and it is not run.
    async fn before(&self, workspace: WorkspaceId, step: &'static str) -> Result<()>;

    /// Whether a step that succeeded is run once more.
    fn repeats(&self, workspace: WorkspaceId, step: &'static str) -> bool;

    /// After a step that succeeded, before anything is recorded; an error is what the step answers, though its effect
    /// is there.
    async fn after(&self, workspace: WorkspaceId, step: &'static str) -> Result<()>;
}

impl Core {
    /// Runs a step with what is injected around it.
    pub(super) async fn run_injected(self: &Arc<Self>, step: Step, row: &Workspace) -> Result<()> {
        let Some(injector) = &self.injector else { return self.run(step, row).await };
        injector.before(row.id, step.name()).await?;
        self.run(step, row).await?;
        if injector.repeats(row.id, step.name()) {
            self.run(step, row).await?;
        }
        injector.after(row.id, step.name()).await
    }
}
