//! Sending the tree's branch to the remote.

use std::path::Path;

use git2::{Direction, Oid, Repository};
use workspace_core::error::{Error, ErrorKind, Result};

use super::open::{commit_of, current_branch, open, tracking};
use super::status::files_between;
use crate::failure::OrFailed;
use crate::line::{Line, diverged};
use crate::sync::GitSync;

/// What a push sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The branch, here and there.
    pub branch: String,
    /// The commit that both sides are on now.
    pub commit: String,
    /// Whether the remote was behind; else nothing was sent.
    pub sent: bool,
    /// How many files the push changed there.
    pub files_changed: u64,
    /// How many bytes went over the wire.
    pub bytes: u64,
}

impl GitSync {
    /// Sends the branch that the tree is on, to the branch of the same name. What is in no commit stays here.
    ///
    /// Never forces: the remote's branch is only ever brought forward. Idempotent.
    ///
    /// # Errors
    /// `Diverged` when the remote has commits that are missing here, `RemoteRefused` when it does not take the branch.
    pub async fn push_branch(&self, tree: &Path) -> Result<Pushed> {
        let tree = tree.to_owned();
        self.online(move |line| push(line, &tree)).await
    }
}

fn push(line: &Line, tree: &Path) -> Result<Pushed> {
    let repository = open(tree)?;
    let branch = current_branch(&repository)?;
    let name = format!("refs/heads/{branch}");
    let commit = commit_of(&repository, &name).ok_or_else(|| {
        Error::new(ErrorKind::Conflict, "there is no commit to push").hint("put a file into the tree and commit it")
    })?;
    let mut remote = line.remote(&repository)?;
    let there = line.heads(&mut remote, Direction::Push)?.get(&branch);
    let sent = there != Some(commit);
    if sent {
        require_forward(&repository, there, commit)?;
        line.push(&mut remote, &format!("{name}:{name}"))?;
    }
    // A remote without a name is not followed by libgit2.
    repository.reference(&tracking(&branch), commit, true, "push").or_failed("note what was pushed")?;
    let files_changed = files_between(&repository, there, Some(commit))?;
    Ok(Pushed { branch, commit: commit.to_string(), sent, files_changed, bytes: line.traffic.bytes() })
}

/// The remote's commit must be one of ours. One that is not even here is somebody else's.
fn require_forward(repository: &Repository, there: Option<Oid>, commit: Oid) -> Result<()> {
    let Some(there) = there else { return Ok(()) };
    let known = repository.find_commit(there).is_ok();
    if known && repository.graph_descendant_of(commit, there).or_failed("compare the histories")? {
        return Ok(());
    }
    Err(diverged())
}
