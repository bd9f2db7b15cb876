//! The storage: where objects are, and the only five things that are done with them.

mod connect;
mod failure;
mod http;
mod tls;
mod traffic;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutPayload};
use workspace_core::error::{ErrorKind, Result};
use workspace_core::id::ProjectId;

pub use connect::{S3Settings, Storage};
pub use traffic::Traffic;

pub(crate) use failure::{damaged, no_such_snapshot};

use crate::format::{Hash, SnapshotName};
use failure::storage_error;

/// The objects of one project.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// `<prefix>/<project id>`.
    base: Path,
    traffic: Traffic,
    /// Names endpoint, bucket and prefix: caches of different places must not mix.
    pub(crate) place: String,
}

impl Objects {
    pub(crate) fn new(storage: &Storage, project: ProjectId) -> Self {
        let base = storage.prefix.clone().join(project.to_string());
        let place = format!("{}/{base}", storage.place);
        Self { store: Arc::clone(&storage.store), base, traffic: storage.traffic.clone(), place }
    }

    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    pub(crate) fn pack(&self, hash: &Hash) -> Path {
        self.base.clone().join("packs").join(hash.to_string())
    }

    pub(crate) fn snapshot(&self, name: SnapshotName) -> Path {
        self.base.clone().join("snapshots").join(name.to_string())
    }

    /// Writes a whole object; it is there or it is not.
    pub(crate) async fn put(&self, path: &Path, payload: PutPayload) -> Result<()> {
        self.store.put(path, payload).await.map(|_| ()).map_err(|error| storage_error(&error, path))
    }

    /// A whole object; `None` when there is none.
    pub(crate) async fn get(&self, path: &Path) -> Result<Option<Bytes>> {
        let got = match self.store.get_opts(path, GetOptions::default()).await {
            Ok(got) => got.bytes().await,
            Err(error) => Err(error),
        };
        match got {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(storage_error(&error, path)),
        }
    }

    /// Part of an object; `None` when there is no such object, and nothing of one that does not reach so far.
    pub(crate) async fn get_range(&self, path: &Path, range: Range<u64>) -> Result<Option<Bytes>> {
        let asked = range.clone();
        let failed = match self.store.get_range(path, range).await {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => storage_error(&error, path),
        };
        // Storages say in their own ways that a range is not there, and some answer with the whole object instead.
        if failed.kind() != ErrorKind::StorageUnreachable {
            return Err(failed);
        }
        let Ok(found) = self.store.head(path).await else { return Err(failed) };
        if found.size < asked.end {
            return Ok(Some(Bytes::new()));
        }
        let (Ok(start), Ok(end)) = (usize::try_from(asked.start), usize::try_from(asked.end)) else {
            return Err(failed);
        };
        match self.get(path).await {
            Ok(Some(bytes)) if bytes.len() >= end => Ok(Some(bytes.slice(start..end))),
            _ => Err(failed),
        }
    }

    pub(crate) async fn delete(&self, path: &Path) -> Result<()> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(storage_error(&error, path)),
        }
    }

    /// All snapshots by name, newest first. What is not named as one is not ours.
    pub(crate) async fn snapshots(&self) -> Result<Vec<SnapshotName>> {
        let folder = self.base.clone().join("snapshots");
        let listed: Vec<_> = self
            .store
            .list(Some(&folder))
            .map(|meta| meta.map(|meta| meta.location.filename().and_then(|name| name.parse().ok())))
            .try_collect()
            .await
            .map_err(|error| storage_error(&error, &folder))?;
        let mut names: Vec<SnapshotName> = listed.into_iter().flatten().collect();
        names.sort_unstable_by(|left, right| right.cmp(left));
        Ok(names)
    }
}
