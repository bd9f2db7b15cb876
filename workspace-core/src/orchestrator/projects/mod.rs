//! Operations on projects: the user's data, wherever its current copy is.

mod abandoned;
mod backup;
mod create;
mod delete;
mod in_use;
mod read;
mod restore;
mod snapshot;
mod sync;
mod tidy;
mod wait;

pub use create::NewProject;
pub(super) use in_use::{data_changed, in_use};
pub use restore::{RestoreMode, RestoreRequest};
pub use snapshot::NewSnapshot;
pub use sync::{SyncDirection, SyncKind, SyncWish};
