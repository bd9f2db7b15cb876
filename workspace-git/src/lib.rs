//! Projects filled from and pushed to git.
//!
//! [`GitSync`] is the `SyncBackend` of the core for one remote; [`GitTree`] does what needs no remote. Both work on
//! libgit2, on threads that may block. libgit2 never reaches the network: a relay of ours on loopback stands between it
//! and the remote, and holds the credentials (`docs/git.md` says why and what follows).
//!
//! ```no_run
//! # async fn example() -> workspace_core::error::Result<()> {
//! use workspace_git::{Credentials, GitRemote, GitSettings, GitSync};
//!
//! let remote = GitRemote { url: "https://github.com/rust-lang/git2-rs".parse()?, branch: None, credentials: Credentials::None };
//! let cloned = GitSync::new(remote, GitSettings::default()).depth(1).clone_into("/workspace".as_ref()).await?;
//! println!("{} files at {:?}", cloned.files, cloned.commit);
//! # Ok(())
//! # }
//! ```

mod address;
mod blocking;
mod credentials;
mod failure;
mod line;
mod operation;
mod progress;
mod relay;
mod remote;
mod resolve;
mod submodules;
mod sync;
mod tree;
mod url;

pub use address::AddressRange;
pub use credentials::{Credentials, HostKey};
pub use operation::{Cloned, Pulled, Pushed};
pub use progress::Progress;
pub use remote::{GitRemote, GitSettings};
pub use resolve::UrlPolicy;
pub use sync::GitSync;
pub use tree::{Author, GitTree, NewBranch, NewCommit, NewWorktree, TreeStatus};
pub use url::{GitUrl, Scheme};
