//! What is done with libgit2, one operation per file.

mod branch;
mod clone;
mod commit;
mod gitmodules;
mod history;
mod open;
mod pull;
mod push;
mod status;
mod submodule;
mod worktree;

pub(crate) use branch::{continue_branch, create_branch};
pub use clone::Cloned;
pub(crate) use clone::is_vacant;
pub(crate) use commit::commit;
pub use pull::Pulled;
pub use push::Pushed;
pub(crate) use status::status;
pub(crate) use submodule::{Submodule, fill_submodule, submodules};
pub(crate) use worktree::add_worktree;
