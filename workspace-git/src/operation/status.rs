//! How a tree stands.

use std::path::Path;

use git2::{DiffOptions, Oid, Repository, Tree};
use workspace_core::error::Result;

use super::open::{commit_of, current_branch, open, tracking};
use crate::failure::OrFailed;
use crate::tree::TreeStatus;

/// How the tree stands, against its commit and against the remote as it was last seen.
pub(crate) fn status(tree: &Path) -> Result<TreeStatus> {
    let repository = open(tree)?;
    let branch = current_branch(&repository).ok();
    let commit = commit_of(&repository, "HEAD");
    let seen = branch.as_deref().and_then(|branch| commit_of(&repository, &tracking(branch)));
    let (ahead, behind) = match (commit, seen) {
        (Some(commit), Some(seen)) => repository.graph_ahead_behind(commit, seen).or_failed("compare the histories")?,
        (Some(commit), None) => (commits_of(&repository, commit)?, 0),
        _ => (0, 0),
    };
    Ok(TreeStatus {
        branch,
        commit: commit.map(|commit| commit.to_string()),
        changed: files_that_differ(&repository, commit)?,
        to_push: files_that_differ(&repository, seen)?,
        ahead: ahead as u64,
        behind: behind as u64,
    })
}

fn commits_of(repository: &Repository, commit: Oid) -> Result<usize> {
    let mut walk = repository.revwalk().or_failed("walk the history")?;
    walk.push(commit).or_failed("walk the history")?;
    Ok(walk.count())
}

/// Files that differ between a commit, or nothing, and what is on the disk.
fn files_that_differ(repository: &Repository, commit: Option<Oid>) -> Result<u64> {
    let tree = tree_of(repository, commit)?;
    let mut options = DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).ignore_submodules(true);
    let diff = repository.diff_tree_to_workdir_with_index(tree.as_ref(), Some(&mut options));
    // A folder that is named as a whole is a repository inside the tree: its files are no files of this one.
    let is_file = |delta: &git2::DiffDelta<'_>| !delta.new_file().path_bytes().is_some_and(|path| path.ends_with(b"/"));
    Ok(diff.or_failed("compare the files")?.deltas().filter(is_file).count() as u64)
}

/// Files that differ between two commits, either of which may be none.
pub(super) fn files_between(repository: &Repository, from: Option<Oid>, to: Option<Oid>) -> Result<u64> {
    if from == to {
        return Ok(0);
    }
    let (from, to) = (tree_of(repository, from)?, tree_of(repository, to)?);
    let diff = repository.diff_tree_to_tree(from.as_ref(), to.as_ref(), None);
    Ok(diff.or_failed("compare the commits")?.deltas().len() as u64)
}

fn tree_of(repository: &Repository, commit: Option<Oid>) -> Result<Option<Tree<'_>>> {
    let tree = |commit| repository.find_commit(commit).and_then(|commit| commit.tree());
    commit.map(tree).transpose().or_failed("read the commit")
}
