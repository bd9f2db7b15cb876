//! Opening a repository that its user may have set traps in.

use std::path::Path;

use git2::{ErrorCode, Oid, Repository, RepositoryOpenFlags, RepositoryState};
use workspace_core::error::{Error, ErrorKind, Result};

use crate::failure::{OrFailed, failed};

/// What the remote is called in `.git/config`, as everybody knows it.
pub(super) const ORIGIN: &str = "origin";

/// Opens the repository at the tree's root, and nothing above it.
///
/// # Errors
/// `Conflict` when it is none, or one whose settings lead elsewhere.
pub(super) fn open(tree: &Path) -> Result<Repository> {
    let tree = tree.canonicalize().or_failed("find the tree")?;
    let dot_git = tree.join(".git");
    let found = std::fs::symlink_metadata(&dot_git).map_err(|_| {
        Error::new(ErrorKind::Conflict, "the tree is no git repository")
            .hint("pull from a remote into an empty tree first")
    })?;
    let repository =
        Repository::open_ext(&tree, RepositoryOpenFlags::NO_SEARCH, std::iter::empty::<&Path>()).map_err(unopened)?;
    let common = repository.commondir().canonicalize().or_failed("find the repository")?;
    let inside = if found.is_dir() {
        common == dot_git
    } else {
        // A worktree: its repository is that of a folder above it.
        found.is_file() && repository.is_worktree() && common.parent().is_some_and(|main| tree.starts_with(main))
    };
    let same_tree = repository.workdir().and_then(|place| place.canonicalize().ok()).is_some_and(|place| place == tree);
    if inside && same_tree {
        return Ok(repository);
    }
    Err(Error::new(ErrorKind::Conflict, "the repository's settings lead out of the tree")
        .hint("remove `core.worktree` from .git/config, and make .git a folder"))
}

fn unopened(error: git2::Error) -> Error {
    match error.code() {
        ErrorCode::NotFound => Error::new(ErrorKind::Conflict, "the tree's git repository is damaged")
            .hint("run `git fsck`, or pull into a new project")
            .source(error),
        ErrorCode::Owner => Error::new(ErrorKind::Forbidden, "the tree's git repository belongs to somebody else")
            .hint("make the tree's owner the one who works on it"),
        _ => failed("open the repository", error),
    }
}

/// The branch that HEAD names, though it may have no commit yet.
///
/// # Errors
/// `Conflict` when HEAD names no branch.
pub(super) fn current_branch(repository: &Repository) -> Result<String> {
    let head = repository.find_reference("HEAD").or_failed("read HEAD")?;
    let target = head.symbolic_target().or_failed("read HEAD")?;
    target.and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::Conflict, "the tree is on a commit without a branch").hint("go to a branch first")
    })
}

/// The commit of a reference, if it is there.
pub(super) fn commit_of(repository: &Repository, reference: &str) -> Option<Oid> {
    repository.refname_to_id(reference).ok()
}

/// Where the remote's branch was last seen.
pub(super) fn tracking(branch: &str) -> String {
    format!("refs/remotes/{ORIGIN}/{branch}")
}

/// Refuses a tree in the middle of a merge, rebase or the like.
pub(super) fn require_calm(repository: &Repository) -> Result<()> {
    if repository.state() == RepositoryState::Clean {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Conflict, "a merge or rebase is under way in the tree")
        .hint("finish it or abort it in the workspace"))
}

/// Refuses names that no branch can have, or that a program could take for an option.
pub(super) fn require_branch_name(name: &str) -> Result<()> {
    let valid = git2::Branch::name_is_valid(name).or_failed("check the branch's name")?;
    if valid && name != "HEAD" {
        return Ok(());
    }
    Err(Error::invalid("branch", "no branch can have this name").hint("use letters, digits, `-`, `_`, `.` and `/`"))
}
