//! A tree on this machine that git knows; what needs no remote.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use workspace_core::clock::Timestamp;
use workspace_core::error::Result;

use crate::blocking::blocking;
use crate::operation;

/// Whose a commit is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The name, without `<`, `>` and line ends.
    pub name: String,
    /// The address, without `<`, `>` and line ends.
    pub email: String,
}

impl Default for Author {
    fn default() -> Self {
        Self { name: "workspace".into(), email: "workspace@localhost".into() }
    }
}

/// A commit to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommit {
    /// What it says.
    pub message: String,
    /// Whose it is.
    pub author: Author,
    /// When it is made, to the second.
    pub at: Timestamp,
}

/// How a tree stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeStatus {
    /// The branch it is on; absent on a commit without a branch.
    pub branch: Option<String>,
    /// The commit it is on; absent before the first.
    pub commit: Option<String>,
    /// Files that differ from that commit; new files count, ignored ones do not.
    pub changed: u64,
    /// Files that a commit and push would change in the remote, as it was last seen.
    pub to_push: u64,
    /// Commits that the remote, as it was last seen, lacks.
    pub ahead: u64,
    /// Commits of the remote, as it was last seen, that are missing here.
    pub behind: u64,
}

/// A branch to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBranch {
    /// Its name.
    pub name: String,
    /// The branch, tag or commit it starts at; the present commit when absent.
    pub from: Option<String>,
}

/// A second tree of the same repository, on a branch of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorktree {
    /// Its name, and that of its new branch.
    pub name: String,
    /// Where it is, relative to the tree and inside it; the folder above it must be there.
    pub path: PathBuf,
}

/// A tree with a repository at its root.
///
/// The repository is what its user made of it: settings that lead out of the tree (`core.worktree`, a `.git` that is
/// a link, `commondir`) are refused; no hook, filter or other program that it names is run.
#[derive(Clone, Debug)]
pub struct GitTree {
    root: PathBuf,
}

impl GitTree {
    /// The tree at this folder; nothing is read yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// How it stands.
    pub async fn status(&self) -> Result<TreeStatus> {
        self.with(operation::status).await
    }

    /// Commits everything that differs, without what is ignored; nothing when nothing differs.
    ///
    /// # Errors
    /// `Conflict` in the middle of a merge or rebase.
    pub async fn commit(&self, new: NewCommit) -> Result<Option<String>> {
        self.with(move |root| operation::commit(root, &new)).await
    }

    /// Makes a branch and goes to it. Changes come along.
    ///
    /// # Errors
    /// `NameTaken` when it exists, `LocalChanges` when they stand in the way.
    pub async fn create_branch(&self, new: NewBranch) -> Result<()> {
        self.with(move |root| operation::create_branch(root, &new)).await
    }

    /// Goes to a branch and takes everything along, commits and changes: a new one begins here, one that is there is
    /// brought forward to here. No file is touched.
    ///
    /// # Errors
    /// `Diverged` when the branch has commits that are missing here.
    pub async fn continue_branch(&self, branch: impl Into<String>) -> Result<()> {
        let branch = branch.into();
        self.with(move |root| operation::continue_branch(root, &branch)).await
    }

    /// Makes a worktree, and answers where it is. It is left out of the commits of this tree.
    ///
    /// # Errors
    /// `NameTaken` when branch, worktree or path exist.
    pub async fn add_worktree(&self, new: NewWorktree) -> Result<PathBuf> {
        self.with(move |root| operation::add_worktree(root, &new)).await
    }

    async fn with<T: Send + 'static>(&self, work: impl FnOnce(&Path) -> Result<T> + Send + 'static) -> Result<T> {
        let root = self.root.clone();
        blocking(move || work(&root)).await
    }
}
