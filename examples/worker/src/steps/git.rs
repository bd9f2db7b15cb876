//! Steps on git.

use std::path::Path;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use workspace_fleet::clock::{Clock as _, SystemClock};
use workspace_fleet::error::{Error, Result};
use workspace_fleet::git::{Author, Credentials, GitSync, GitTree, HostKey, NewCommit};
use workspace_fleet::job::{GitAuthor, GitRemote};
use workspace_fleet::model::{GitAccess, StepReport};
use workspace_fleet::secret::Secret;

use super::policy::settings;
use super::report::report;

/// Who a token is when it does not say: hosts that look at the token alone take any name, and this one is known.
const ANYBODY: &str = "x-access-token";

/// What to commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewWork<'a> {
    pub(super) branch: Option<&'a str>,
    pub(super) message: &'a str,
    pub(super) author: &'a GitAuthor,
}

/// A remote that is ready to be reached.
fn line(remote: &GitRemote, cancel: CancellationToken) -> Result<GitSync> {
    let settings = settings(&remote.policy)?;
    let wanted = remote.submodules;
    let remote = workspace_fleet::git::GitRemote {
        url: remote.url.parse()?,
        branch: remote.branch.clone(),
        credentials: remote.access.as_ref().map_or(Credentials::None, credentials),
    };
    Ok(GitSync::new(remote, settings).submodules(wanted).cancel(cancel))
}

/// A key as it is; of a token `name:token`, for hosts that want to know whose it is, or the token alone.
fn credentials(access: &GitAccess) -> Credentials {
    match access {
        GitAccess::Token(token) => {
            let (username, token) = token.reveal().split_once(':').unwrap_or((ANYBODY, token.reveal()));
            Credentials::Token { username: username.to_owned(), token: Secret::new(token) }
        }
        GitAccess::SshKey(key) => Credentials::SshKey {
            private_key: key.private_key.clone(),
            passphrase: key.passphrase.clone(),
            host_keys: key.host_keys.iter().map(HostKey::new).collect(),
        },
    }
}

/// Fills the tree.
pub(super) async fn clone(tree: &Path, remote: &GitRemote, cancel: CancellationToken) -> Result<Value> {
    let line = line(remote, cancel)?;
    let done = line.clone_into(tree).await?;
    Ok(json!({
        "revision": done.commit, "branch": done.branch, "files": done.files, "submodules": done.submodules,
        "bytes": done.bytes,
    }))
}

/// Brings the tree forward.
pub(super) async fn pull(tree: &Path, remote: &GitRemote, cancel: CancellationToken) -> Result<Value> {
    let line = line(remote, cancel)?;
    let done = line.pull_into(tree).await?;
    Ok(json!({
        "revision": done.commit, "from": done.from, "files_changed": done.files_changed,
        "submodules": done.submodules, "bytes": done.bytes,
    }))
}

/// Commits what changed, and pushes it when there is a remote. What was committed before and is not there yet is
/// pushed too; nothing is when the commit failed.
pub(super) async fn commit_and_push(
    tree: &Path,
    remote: Option<&GitRemote>,
    work: NewWork<'_>,
    cancel: CancellationToken,
) -> Vec<StepReport> {
    let committed = commit(tree, work).await;
    let Some(remote) = remote else { return vec![report("commit", committed)] };
    let pushed = match &committed {
        Ok(_) => push(tree, remote, cancel).await,
        Err(error) => Err(Error::new(error.kind(), "nothing was pushed: the commit failed")),
    };
    vec![report("commit", committed), report("push", pushed)]
}

async fn commit(tree: &Path, work: NewWork<'_>) -> Result<Value> {
    let tree = GitTree::at(tree);
    let before = tree.status().await?;
    let mut on = before.branch;
    if let Some(branch) = work.branch.filter(|branch| on.as_deref() != Some(branch)) {
        tree.continue_branch(branch).await?;
        on = Some(branch.to_owned());
    }
    let author = Author { name: work.author.name.clone(), email: work.author.email.clone() };
    let new = NewCommit { message: work.message.to_owned(), author, at: SystemClock.now() };
    Ok(match tree.commit(new).await? {
        Some(revision) => json!({ "revision": revision, "files_changed": before.changed, "branch": on }),
        None => json!({ "unchanged": true, "revision": before.commit, "branch": on }),
    })
}

async fn push(tree: &Path, remote: &GitRemote, cancel: CancellationToken) -> Result<Value> {
    let line = line(remote, cancel)?;
    let done = line.push_branch(tree).await?;
    Ok(json!({
        "revision": done.commit, "branch": done.branch, "sent": done.sent,
        "files_changed": done.files_changed, "bytes": done.bytes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_say_whose_it_is() {
        let of = |text: &str| match credentials(&GitAccess::Token(Secret::new(text))) {
            Credentials::Token { username, token } => (username, token.reveal().to_owned()),
            other => panic!("{other:?}"),
        };
        assert_eq!(of("secret"), (ANYBODY.to_owned(), "secret".to_owned()));
        assert_eq!(of("me:se:cret"), ("me".to_owned(), "se:cret".to_owned()));
    }
}
