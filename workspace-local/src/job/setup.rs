//! What a job is served with.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, access};
use tokio_util::sync::CancellationToken;
use workspace_core::job::{EVENT_BYTES, JobRequest};

use crate::job::data::{DataSteps, JobFolders};
use crate::process::ProcessHost;

/// What a job is served with.
#[derive(Debug)]
pub struct JobSetup {
    pub(super) host: Arc<ProcessHost>,
    pub(super) steps: Arc<dyn DataSteps>,
    pub(super) tree: Option<PathBuf>,
    pub(super) cache: Option<PathBuf>,
    pub(super) environment: BTreeMap<String, OsString>,
    pub(super) marks: Vec<(&'static str, String)>,
    pub(super) cancel: CancellationToken,
    pub(super) event_bytes: u64,
}

impl JobSetup {
    /// Agents are started by this host and inherit our environment; the other steps are done by `steps`.
    pub fn new(host: Arc<ProcessHost>, steps: Arc<dyn DataSteps>) -> Self {
        let ours = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self {
            host,
            steps,
            tree: None,
            cache: None,
            environment: ours.collect(),
            marks: Vec::new(),
            cancel: CancellationToken::new(),
            event_bytes: EVENT_BYTES,
        }
    }

    /// The folder with the data, instead of the request's.
    #[must_use]
    pub fn tree(mut self, folder: impl Into<PathBuf>) -> Self {
        self.tree = Some(folder.into());
        self
    }

    /// The folder for what is kept for the next job, instead of the request's.
    pub(crate) fn cache(mut self, folder: Option<PathBuf>) -> Self {
        self.cache = folder;
        self
    }

    /// Keeps a variable of our environment from agents.
    #[must_use]
    pub fn hide(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Cancels the job once this is cancelled.
    #[must_use]
    pub fn cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Keeps fewer bytes of events than [`EVENT_BYTES`].
    #[must_use]
    pub fn event_bytes(mut self, bytes: u64) -> Self {
        self.event_bytes = bytes;
        self
    }

    /// Gives agents this environment instead of ours.
    pub(crate) fn environment(mut self, variables: BTreeMap<String, OsString>) -> Self {
        self.environment = variables;
        self
    }

    /// Marks every program with a variable.
    pub(crate) fn mark(mut self, name: &'static str, value: String) -> Self {
        self.marks.push((name, value));
        self
    }

    /// Where a job works.
    pub(super) fn folders(&self, request: &JobRequest) -> JobFolders {
        let asked = || request.cache.as_ref().map(PathBuf::from);
        JobFolders {
            tree: self.tree.clone().unwrap_or_else(|| PathBuf::from(&request.tree)),
            // A job that could not have the volume runs without.
            cache: self.cache.clone().or_else(asked).filter(|folder| folder.is_dir()),
        }
    }

    /// What agents inherit. A home that nobody can write to, as users without an account have it, becomes `/tmp`.
    pub(super) fn inherited(&self) -> BTreeMap<String, OsString> {
        let mut variables = self.environment.clone();
        let home = variables.get("HOME").filter(|home| is_writable(home));
        if home.is_none() {
            variables.insert("HOME".to_owned(), "/tmp".into());
        }
        variables
    }
}

fn is_writable(folder: &OsStr) -> bool {
    !folder.is_empty() && access(Path::new(folder), Access::WRITE_OK | Access::EXEC_OK).is_ok()
}
