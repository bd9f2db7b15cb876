//! Operations on projects: the user's data, wherever its current copy is.

mod abandoned;
mod backup;
mod clone;
mod create;
mod delete;
mod delete_snapshot;
mod found;
mod git_source;
mod in_use;
mod patch;
mod put_away;
mod read;
mod rescue;
mod restore;
mod snapshot;
mod storage_job;
mod sync;
mod tidy;
mod verify_snapshot;
mod wait;

pub use clone::{CloneFrom, CloneRequest};
pub use create::NewProject;
pub(super) use found::FoundData;
pub(super) use in_use::{data_changed, in_use};
pub use patch::ProjectPatch;
pub use restore::{RestoreMode, RestoreRequest};
pub use snapshot::NewSnapshot;
pub use sync::{SyncDirection, SyncKind, SyncWish};
