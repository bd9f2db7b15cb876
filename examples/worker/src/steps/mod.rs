//! The steps of a job that move data.

mod git;
mod policy;
mod report;
mod snapshot;
mod storage;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use workspace_fleet::error::{Error, ErrorKind};
use workspace_fleet::job::JobStep;
use workspace_fleet::local::{DataSteps, JobFolders};
use workspace_fleet::model::StepReport;

use report::report;

/// Does the steps of jobs that move data, with git and object storage.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkerSteps;

#[async_trait]
impl DataSteps for WorkerSteps {
    async fn run(&self, step: &JobStep, folders: &JobFolders, cancel: CancellationToken) -> Vec<StepReport> {
        let cancelled = || Error::new(ErrorKind::Cancelled, "the step was cancelled");
        let tree = folders.tree.as_path();
        // Git is told; what is not is dropped, and cleans up behind itself.
        let told = cancel.clone();
        match step {
            JobStep::Clone(remote) => vec![report("clone", git::clone(tree, remote, told).await)],
            JobStep::Pull(remote) => vec![report("pull", git::pull(tree, remote, told).await)],
            JobStep::Push { remote, branch, message, author } => {
                let commit = git::NewWork { branch: branch.as_deref(), message, author };
                git::commit_and_push(tree, remote.as_ref(), commit, told).await
            }
            JobStep::Snapshot { storage, place, profile, message } => {
                let wanted = snapshot::Wanted { place, profile: *profile, message, cache: folders.cache.as_deref() };
                let done = tokio::select! {
                    done = snapshot::snapshot(tree, storage, wanted) => done,
                    () = cancel.cancelled() => Err(cancelled()),
                };
                vec![report("snapshot", done)]
            }
            JobStep::Restore { storage, place, merge, dry_run } => {
                let done = tokio::select! {
                    done = snapshot::restore(tree, storage, place, *merge, *dry_run) => done,
                    () = cancel.cancelled() => Err(cancelled()),
                };
                vec![report("restore", done)]
            }
            JobStep::Verify { storage, place } => {
                let done = tokio::select! {
                    done = snapshot::verify(storage, place) => done,
                    () = cancel.cancelled() => Err(cancelled()),
                };
                vec![report("verify", done)]
            }
            JobStep::Delete { storage, place } => {
                let done = tokio::select! {
                    done = snapshot::delete(storage, place) => done,
                    () = cancel.cancelled() => Err(cancelled()),
                };
                vec![report("delete", done)]
            }
            JobStep::Agent(_) => {
                vec![report("agent", Err(Error::new(ErrorKind::Unsupported, "an agent moves no data")))]
            }
        }
    }
}
