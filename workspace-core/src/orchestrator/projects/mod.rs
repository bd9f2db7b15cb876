//! Operations on projects: the user's data, wherever its current copy is.

mod create;
mod delete;
mod read;
mod restore;
mod snapshot;
mod sync;
mod tidy;
mod wait;

pub use create::NewProject;
pub use restore::{RestoreMode, RestoreRequest};
pub use snapshot::NewSnapshot;
pub use sync::{SyncDirection, SyncKind, SyncWish};
