//! Steps that move data: done by whoever composes the worker.

use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::job::JobStep;
use workspace_core::model::{Problem, StepReport};

use crate::files::{empty_folder, file_error};
use crate::job::setup::JobSetup;
use crate::job::stop::{Stop, Why};

/// How long a step that was asked to end may take before it is dropped.
const GRACE: Duration = Duration::from_secs(5);

/// Where a job works.
#[derive(Clone, Debug)]
pub struct JobFolders {
    /// The data.
    pub tree: PathBuf,
    /// Where a step keeps what the next one on the same data may build on: it outlives the job, and no agent was ever
    /// near it.
    pub cache: Option<PathBuf>,
}

/// Does the steps of a job that move data: `clone`, `pull`, `push`, `snapshot`, `restore`,
/// `verify` and `delete`.
///
/// # Contract
/// - Every step gives its reports, in order: a push `commit` and, with a remote, `push`; each other one report of its
///   own name. What fails is an error in a report.
/// - A clone, and a restore that neither merges nor is a dry run, find an empty tree.
/// - After `cancel` a step ends soon and reports `cancelled`; its future may be dropped at any await.
/// - No secret is written into the tree. Texts in reports need no masking.
#[async_trait]
pub trait DataSteps: Debug + Send + Sync + 'static {
    /// Does one step in these folders.
    async fn run(&self, step: &JobStep, folders: &JobFolders, cancel: CancellationToken) -> Vec<StepReport>;
}

/// Does a step and answers with its reports, whatever becomes of it.
pub(super) async fn run(setup: &JobSetup, folders: &JobFolders, step: &JobStep, until: &Stop) -> Vec<StepReport> {
    if fills(step)
        && let Err(error) = empty(&folders.tree).await
    {
        return failed(step, &error);
    }
    let cancel = CancellationToken::new();
    let broke = |_panic| failed(step, &Error::new(ErrorKind::Internal, "the step broke").hint("try again"));
    let working = AssertUnwindSafe(setup.steps.run(step, folders, cancel.clone())).catch_unwind();
    let working = working.map(|done| done.unwrap_or_else(broke));
    tokio::pin!(working);
    let why = tokio::select! {
        biased;
        reports = &mut working => return reports,
        why = until.asked() => why,
    };
    cancel.cancel();
    match timeout(GRACE, working).await {
        Ok(reports) => reports.into_iter().map(|report| stopped(report, why)).collect(),
        Err(_elapsed) => failed(step, &why.error()),
    }
}

/// Whether what an earlier attempt left must go first.
fn fills(step: &JobStep) -> bool {
    matches!(step, JobStep::Clone(_) | JobStep::Restore { merge: false, dry_run: false, .. })
}

/// Waited for in any case: what is removed later would be the next attempt's.
async fn empty(tree: &Path) -> Result<()> {
    let folder = tree.to_owned();
    spawn_blocking(move || empty_folder(&folder))
        .await
        .map_err(|lost| Error::new(ErrorKind::Internal, "the tree was not emptied").source(lost))?
        .map_err(|error| file_error(error, "the tree"))
}

/// The reports of a step that was not done.
pub(super) fn failed(step: &JobStep, error: &Error) -> Vec<StepReport> {
    let report =
        |name: &&str| StepReport { step: (*name).to_owned(), report: Value::Null, error: Some(Problem::from(error)) };
    names(step).iter().map(report).collect()
}

/// The names of a step's reports.
fn names(step: &JobStep) -> &'static [&'static str] {
    match step {
        JobStep::Agent(_) => &["agent"],
        JobStep::Clone(_) => &["clone"],
        JobStep::Pull(_) => &["pull"],
        JobStep::Push { remote: Some(_), .. } => &["commit", "push"],
        JobStep::Push { remote: None, .. } => &["commit"],
        JobStep::Snapshot { .. } => &["snapshot"],
        JobStep::Restore { .. } => &["restore"],
        JobStep::Verify { .. } => &["verify"],
        JobStep::Delete { .. } => &["delete"],
    }
}

/// A step knows only that it was asked to end: the report says why.
fn stopped(report: StepReport, why: Why) -> StepReport {
    let asked = |problem: &Problem| problem.code == ErrorKind::Cancelled.code();
    if report.error.as_ref().is_some_and(asked) {
        StepReport { error: Some(Problem::from(&why.error())), ..report }
    } else {
        report
    }
}
