//! Bringing a tree forward to where the remote is.

use std::path::Path;

use git2::{CheckoutNotificationType, Direction, Oid, Repository};
use workspace_core::error::{Error, ErrorKind, Result};

use super::clone::target;
use super::open::{commit_of, current_branch, open, require_calm, tracking};
use super::status::files_between;
use crate::failure::{OrFailed, failed};
use crate::line::{Line, diverged};
use crate::sync::GitSync;

/// At most this many files are named in a hint.
const MOST_NAMES: usize = 5;

/// What a pull brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The commit that the tree was on; absent before the first.
    pub from: Option<String>,
    /// The commit that it is on now; absent when neither side has one.
    pub commit: Option<String>,
    /// How many files the pull changed.
    pub files_changed: u64,
    /// How many submodules there are, filled; none where nobody asked for them.
    pub submodules: u64,
    /// How many bytes went over the wire.
    pub bytes: u64,
}

impl GitSync {
    /// Fast-forwards the tree's branch to the remote's: that of [`GitRemote::branch`](crate::GitRemote), or the one of
    /// the same name. Files with changes that the pull does not touch keep them.
    ///
    /// # Errors
    /// `Diverged` when both sides have gone on, `LocalChanges` when changes would be overwritten; nothing was changed
    /// then.
    pub async fn pull_into(&self, tree: &Path) -> Result<Pulled> {
        self.pull_version(tree, None).await
    }

    /// The same, only up to a commit or tag of the branch.
    pub(crate) async fn pull_version(&self, tree: &Path, version: Option<String>) -> Result<Pulled> {
        let (folder, branch) = (tree.to_owned(), self.remote.branch.clone());
        let pulled = self.online(move |line| pull(line, &folder, branch, version.as_deref())).await?;
        let filled = self.fill_submodules(tree).await?;
        Ok(Pulled { submodules: filled.count, bytes: pulled.bytes + filled.bytes, ..pulled })
    }
}

fn pull(line: &Line, tree: &Path, branch: Option<String>, version: Option<&str>) -> Result<Pulled> {
    let repository = open(tree)?;
    require_calm(&repository)?;
    let here = current_branch(&repository)?;
    let branch = branch.unwrap_or_else(|| here.clone());
    let from = commit_of(&repository, &format!("refs/heads/{here}"));
    let mut remote = line.remote(&repository)?;
    let heads = line.heads(&mut remote, Direction::Fetch)?;
    let mut commit = from;
    if !heads.branches.is_empty() {
        heads.require(&branch)?;
        line.fetch(&mut remote, &[format!("+refs/heads/{branch}:{}", tracking(&branch))], None)?;
        let to = target(&repository, &branch, version)?;
        if advances(&repository, from, to)? {
            write_changes(line, &repository, to)?;
            let name = format!("refs/heads/{here}");
            repository.reference(&name, to, true, "pull: fast-forward").or_failed("move the branch")?;
            commit = Some(to);
        }
    }
    let files_changed = files_between(&repository, from, commit)?;
    let text = |commit: Option<Oid>| commit.map(|commit| commit.to_string());
    Ok(Pulled { from: text(from), commit: text(commit), files_changed, submodules: 0, bytes: line.traffic.bytes() })
}

/// Whether going to `to` is a step forward; not when we are there or beyond.
pub(super) fn advances(repository: &Repository, from: Option<Oid>, to: Oid) -> Result<bool> {
    let Some(from) = from else { return Ok(true) };
    let descends = |a, b| repository.graph_descendant_of(a, b).or_failed("compare the histories");
    if from == to || descends(from, to)? {
        return Ok(false);
    }
    if descends(to, from)? { Ok(true) } else { Err(diverged()) }
}

/// Writes what differs. libgit2 looks for conflicts first and then writes nothing at all.
pub(super) fn write_changes(line: &Line, repository: &Repository, to: Oid) -> Result<()> {
    let tree = repository.find_commit(to).and_then(|commit| commit.tree()).or_failed("read the commit")?;
    let mut conflicts = Vec::new();
    let mut checkout = line.checkout();
    checkout
        .safe()
        .recreate_missing(false)
        // git itself overwrites ignored files; here nothing is lost.
        .overwrite_ignored(false)
        .notify_on(CheckoutNotificationType::CONFLICT)
        .notify(|_, path, _, _, _| {
            conflicts.extend(path.map(|path| path.display().to_string()));
            true
        });
    let written = repository.checkout_tree(tree.as_object(), Some(&mut checkout));
    drop(checkout);
    written
        .map_err(|error| if conflicts.is_empty() { failed("write the files", error) } else { in_the_way(&conflicts) })
}

fn in_the_way(files: &[String]) -> Error {
    let more = if files.len() > MOST_NAMES { ", .." } else { "" };
    let names = files.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    Error::new(ErrorKind::LocalChanges, "the pull would overwrite changes that are in no commit")
        .hint(format!("commit or undo the changes in: {names}{more}"))
}
