//! Snapshots of projects in object storage.
//!
//! A snapshot is a few large immutable *packs* and one small object that names them, written last: what was
//! interrupted is no snapshot, and what was there before stays whole. `docs/snapshot-format.md` says what each byte
//! means; `tools/restore.py` restores without any of this.
//!
//! [`SnapshotSync`] is the [`SyncBackend`](workspace_core::port::SyncBackend) for one project; [`Storage`] says where
//! the objects are: a bucket that speaks S3, or a directory.

mod cache;
mod files;
mod format;
mod objects;
mod options;
mod parallel;
mod read;
mod report;
mod stop;
mod sync;
mod verify;
mod versions;
mod walk;
mod write;

pub use objects::{S3Settings, Storage, Traffic};
pub use options::{Profile, RestoreMode, RestoreOptions, SnapshotOptions};
pub use report::{Change, ChangeKind, RestoreReport, SkipReason, Skipped, SnapshotReport, VerifyReport};
pub use sync::SnapshotSync;
