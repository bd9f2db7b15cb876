//! The remote of one project.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use workspace_core::clock::{Clock, SystemClock};
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::{SyncBackend, SyncReport, SyncRequest, Version};

use crate::blocking::blocking;
use crate::line::Line;
use crate::operation;
use crate::progress::{OnProgress, Progress};
use crate::relay::Relay;
use crate::remote::{GitRemote, GitSettings};
use crate::tree::{Author, GitTree, NewCommit};

/// What a commit says when nobody says anything.
const MESSAGE: &str = "Changes of the workspace";

/// Moves a tree to and from a git repository somewhere else.
///
/// # Guarantees
/// - Nothing secret is written into the tree or its `.git`: the remote's URL stands there without credentials.
/// - No hook, filter or other program is run, and submodules are left alone unless they are asked for: they are empty
///   folders.
/// - Nothing that was not committed is lost: what would overwrite it is refused.
/// - A dropped future and a cancelled token stop the operation; a push is whole or did not happen.
#[derive(Clone, Debug)]
pub struct GitSync {
    pub(crate) remote: GitRemote,
    pub(crate) settings: GitSettings,
    pub(crate) depth: Option<u32>,
    pub(crate) submodules: bool,
    author: Author,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
    on_progress: OnProgress,
}

impl GitSync {
    /// Ready to reach the remote; nothing is asked of it yet.
    pub fn new(remote: GitRemote, settings: GitSettings) -> Self {
        Self {
            remote,
            settings,
            depth: None,
            submodules: false,
            author: Author::default(),
            clock: Arc::new(SystemClock),
            cancel: CancellationToken::new(),
            on_progress: OnProgress::default(),
        }
    }

    /// Clones bring at most this many commits of one branch.
    #[must_use]
    pub fn depth(mut self, commits: u32) -> Self {
        self.depth = Some(commits.max(1));
        self
    }

    /// Clones and pulls fill submodules too, and those in them: each from where `.gitmodules` says, by the same rules
    /// as the remote, with the credentials only where the remote is.
    #[must_use]
    pub fn submodules(mut self, wanted: bool) -> Self {
        self.submodules = wanted;
        self
    }

    /// Whose the commits are that `push` makes of changes.
    #[must_use]
    pub fn author(mut self, author: Author) -> Self {
        self.author = author;
        self
    }

    /// Where the times of those commits come from.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Stops what runs, and what comes, once this is cancelled.
    #[must_use]
    pub fn cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Tells how far an operation is: often, from a thread that works.
    #[must_use]
    pub fn on_progress(mut self, told: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = OnProgress(Arc::new(told));
        self
    }

    /// Opens the line, works on a thread of its own, and says why it failed: the line knows better than libgit2.
    pub(crate) async fn online<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Line) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let cancel = self.cancel.child_token();
        // The thread cannot be dropped with this future: it is told.
        let _stop = cancel.clone().drop_guard();
        let opened = tokio::select! {
            opened = Relay::open(&self.remote, &self.settings, cancel.clone()) => opened,
            () = cancel.cancelled() => Err(cancelled()),
        };
        let relay = opened?;
        let traffic = Arc::clone(&relay.traffic);
        let line = Line {
            url: relay.url.clone(),
            traffic: Arc::clone(&traffic),
            cancel: cancel.clone(),
            on_progress: self.on_progress.clone(),
        };
        match blocking(move || work(&line)).await {
            Err(_) if self.cancel.is_cancelled() => Err(cancelled()),
            Err(error) => Err(traffic.take_finding().unwrap_or(error)),
            done => done,
        }
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the git operation was cancelled")
}

#[async_trait]
impl SyncBackend for GitSync {
    async fn pull(&self, tree: &Path, request: &SyncRequest) -> Result<SyncReport> {
        let version = request.version.clone();
        let folder = tree.to_owned();
        if blocking(move || operation::is_vacant(&folder)).await? {
            let cloned = self.clone_version(tree, version).await?;
            let version = cloned.commit.unwrap_or_default();
            return Ok(SyncReport { version, files_changed: cloned.files, bytes: cloned.bytes });
        }
        let pulled = self.pull_version(tree, version).await?;
        let version = pulled.commit.unwrap_or_default();
        Ok(SyncReport { version, files_changed: pulled.files_changed, bytes: pulled.bytes })
    }

    async fn push(&self, tree: &Path, request: &SyncRequest) -> Result<SyncReport> {
        let message = request.message.clone().unwrap_or_else(|| MESSAGE.to_owned());
        let new = NewCommit { message, author: self.author.clone(), at: self.clock.now() };
        GitTree::at(tree).commit(new).await?;
        let pushed = self.push_branch(tree).await?;
        Ok(SyncReport { version: pushed.commit, files_changed: pushed.files_changed, bytes: pushed.bytes })
    }

    async fn status(&self, tree: &Path) -> Result<u64> {
        Ok(GitTree::at(tree).status().await?.to_push)
    }

    async fn versions(&self, limit: u32) -> Result<Vec<Version>> {
        self.history(limit).await
    }
}
