//! Snapshots of one project, as the port wants them and with all their options.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use workspace_core::clock::{Clock, SystemClock};
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::id::ProjectId;
use workspace_core::port::{SyncBackend, SyncReport, SyncRequest, Version};

use crate::cache::Cache;
use crate::objects::{Objects, Storage};
use crate::options::{RestoreMode, RestoreOptions, SnapshotOptions};
use crate::read;
use crate::report::{RestoreReport, SnapshotReport, VerifyReport};
use crate::verify;
use crate::versions;
use crate::write::{Making, make};

/// Snapshots of one project in one storage.
///
/// Needs a tokio runtime; files are worked on outside of its threads. A call whose future is dropped ends soon after:
/// no snapshot was made then, and a restore removes what it made.
#[derive(Clone, Debug)]
pub struct SnapshotSync {
    objects: Objects,
    project: ProjectId,
    cache: Option<Cache>,
    clock: Arc<dyn Clock>,
    options: SnapshotOptions,
}

impl SnapshotSync {
    /// The snapshots of a project. Makes no request.
    pub fn new(storage: &Storage, project: ProjectId) -> Self {
        let objects = Objects::new(storage, project);
        Self { objects, project, cache: None, clock: Arc::new(SystemClock), options: SnapshotOptions::default() }
    }

    /// Keeps a cache in a directory, which is made when it is missing. It must outlive the copy of the data to be of
    /// use, and must not be in it. It is never needed: a lost or damaged one costs time.
    #[must_use]
    pub fn cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = Some(Cache::new(directory.into()));
        self
    }

    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What [`push`](SyncBackend::push) and [`status`](SyncBackend::status) take as options.
    #[must_use]
    pub fn options(mut self, options: SnapshotOptions) -> Self {
        self.options = options;
        self
    }

    /// Makes a snapshot of a tree: whole and durable in the storage when this returns, or none.
    ///
    /// Nothing is read that did not change since the snapshot in the cache, and nothing sent that storage has.
    ///
    /// # Errors
    /// [`StorageRefused`](ErrorKind::StorageRefused) and [`StorageUnreachable`](ErrorKind::StorageUnreachable) say
    /// what is wrong with the storage. Files that cannot be taken are no error but in
    /// [`skipped`](SnapshotReport::skipped).
    pub async fn snapshot(&self, tree: &Path, options: &SnapshotOptions) -> Result<SnapshotReport> {
        make(self.making(tree, options, false)).await
    }

    /// Restores a snapshot; everything is checked before the first write, and every byte before it is written.
    ///
    /// # Errors
    /// [`SnapshotDamaged`](ErrorKind::SnapshotDamaged) names files whose bytes are lost,
    /// [`DiskFull`](ErrorKind::DiskFull), [`Conflict`](ErrorKind::Conflict) when the target is not empty or cannot be
    /// merged into. The target is as it was then.
    pub async fn restore(&self, target: &Path, options: &RestoreOptions) -> Result<RestoreReport> {
        read::restore(&self.objects, target, options).await
    }

    /// Reads every byte of a version, the newest when absent, and checks it.
    ///
    /// # Errors
    /// [`SnapshotDamaged`](ErrorKind::SnapshotDamaged) names files whose bytes are lost.
    pub async fn verify(&self, version: Option<&str>) -> Result<VerifyReport> {
        verify::verify(&self.objects, version).await
    }

    /// Removes a version's snapshot object. Its packs stay: others may need them. No error when there is none.
    pub async fn delete(&self, version: &str) -> Result<()> {
        let name = versions::parse(version)?;
        self.objects.delete(&self.objects.snapshot(name)).await
    }

    fn making(&self, tree: &Path, options: &SnapshotOptions, dry_run: bool) -> Making {
        Making {
            objects: self.objects.clone(),
            project: self.project,
            tree: tree.to_owned(),
            options: options.clone(),
            cache: self.cache.clone(),
            clock: Arc::clone(&self.clock),
            dry_run,
        }
    }
}

#[async_trait]
impl SyncBackend for SnapshotSync {
    /// Restores into an empty or missing directory, and merges into any other.
    async fn pull(&self, tree: &Path, request: &SyncRequest) -> Result<SyncReport> {
        let mut options = RestoreOptions { version: request.version.clone(), ..RestoreOptions::default() };
        let report = match self.restore(tree, &options).await {
            // Found before anything is written.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                options.mode = RestoreMode::Merge;
                self.restore(tree, &options).await
            }
            other => other,
        }?;
        Ok(SyncReport { version: report.version, files_changed: report.files_changed, bytes: report.bytes_received })
    }

    async fn push(&self, tree: &Path, request: &SyncRequest) -> Result<SyncReport> {
        if request.version.is_some() {
            return Err(Error::invalid("version", "a snapshot's name is not chosen"));
        }
        let mut options = self.options.clone();
        options.message = request.message.clone().unwrap_or(options.message);
        let report = self.snapshot(tree, &options).await?;
        Ok(SyncReport { version: report.version, files_changed: report.files_changed, bytes: report.bytes_sent })
    }

    async fn status(&self, tree: &Path) -> Result<u64> {
        Ok(make(self.making(tree, &self.options, true)).await?.files_changed)
    }

    async fn versions(&self, limit: u32) -> Result<Vec<Version>> {
        versions::versions(&self.objects, limit).await
    }
}
