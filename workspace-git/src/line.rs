//! An open line to the remote, for the thread that works with libgit2.

use std::cell::Cell;
use std::sync::Arc;

use git2::build::CheckoutBuilder;
use git2::{
    AutotagOption, Direction, FetchOptions, FetchPrune, ProxyOptions, PushOptions, Remote, RemoteCallbacks,
    RemoteRedirect, Repository,
};
use tokio_util::sync::CancellationToken;
use workspace_core::error::{Error, ErrorKind, Result};

use crate::failure::OrFailed;
use crate::progress::{OnProgress, Progress};
use crate::relay::{Traffic, words};

/// Depth 0 is no limit for libgit2.
const WHOLE_HISTORY: i32 = 0;

/// An open line to the remote: everything that libgit2 does over the network goes through here.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) url: String,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) cancel: CancellationToken,
    pub(crate) on_progress: OnProgress,
}

/// What the remote has.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// Branches with their commits, by name.
    pub(crate) branches: Vec<(String, git2::Oid)>,
    /// The branch that the repository names as its own.
    pub(crate) default: Option<String>,
}

impl Heads {
    /// The commit of a branch.
    pub(crate) fn get(&self, branch: &str) -> Option<git2::Oid> {
        self.branches.iter().find(|(name, _)| name == branch).map(|(_, commit)| *commit)
    }

    /// The commit of a branch that must be there.
    pub(crate) fn require(&self, branch: &str) -> Result<git2::Oid> {
        self.get(branch).ok_or_else(|| {
            let there: Vec<_> = self.branches.iter().map(|(name, _)| name.as_str()).take(5).collect();
            let more = if self.branches.len() > there.len() { ", .." } else { "" };
            Error::new(ErrorKind::RemoteNotFound, format!("the remote has no branch {branch}"))
                .hint(format!("branches that it has: {}{more}", there.join(", ")))
        })
    }
}

impl Line {
    /// A remote without a name, so that nothing of `.git/config` is for it.
    ///
    /// One setting still would: `url.<other>.insteadOf` turns any URL into another. Then the line is not used.
    pub(crate) fn remote<'repo>(&self, repository: &'repo Repository) -> Result<Remote<'repo>> {
        let remote = repository.remote_anonymous(&self.url).or_failed("use the remote")?;
        let same = remote.url_bytes() == self.url.as_bytes()
            && remote.pushurl_bytes().is_none_or(|url| url == self.url.as_bytes());
        if same {
            return Ok(remote);
        }
        Err(Error::new(ErrorKind::Conflict, "the repository's settings turn every URL into another")
            .hint("remove `insteadOf` from .git/config"))
    }

    /// Asks the remote what it has.
    pub(crate) fn heads(&self, remote: &mut Remote<'_>, direction: Direction) -> Result<Heads> {
        let connection = remote
            .connect_auth(direction, Some(self.callbacks()), Some(ProxyOptions::new()))
            .or_failed("ask the remote for its branches")?;
        let list = connection.list().or_failed("read the remote's branches")?;
        let branch = |name: &str| name.strip_prefix("refs/heads/").map(str::to_owned);
        let branches = list.iter().filter_map(|head| Some((branch(head.name())?, head.oid()))).collect();
        let default = list.iter().find(|head| head.name() == "HEAD").and_then(|head| branch(head.symref_target()?));
        Ok(Heads { branches, default })
    }

    /// Brings commits and what belongs to them; `depth` limits how many of each branch.
    pub(crate) fn fetch(&self, remote: &mut Remote<'_>, refspecs: &[String], depth: Option<u32>) -> Result<()> {
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(self.callbacks())
            .proxy_options(ProxyOptions::new())
            .follow_redirects(RemoteRedirect::None)
            .download_tags(AutotagOption::Auto)
            .prune(FetchPrune::Off)
            // It would name the relay.
            .update_fetchhead(false)
            .depth(depth.map_or(WHOLE_HISTORY, |depth| i32::try_from(depth).unwrap_or(i32::MAX)));
        remote.fetch(refspecs, Some(&mut options), Some("fetch")).or_failed("fetch from the remote")
    }

    /// Sends one branch. What the remote refuses is an error with its words.
    pub(crate) fn push(&self, remote: &mut Remote<'_>, refspec: &str) -> Result<()> {
        let refusal = Cell::new(None);
        let mut callbacks = self.callbacks();
        callbacks.push_update_reference(|_, status| {
            refusal.set(status.map(|status| words(status.as_bytes())));
            Ok(())
        });
        callbacks.pack_progress(|_, _, _| self.traffic.touch());
        callbacks.push_transfer_progress(|objects, total_objects, _| {
            self.report(Progress {
                objects: objects as u64,
                total_objects: total_objects as u64,
                ..Progress::default()
            });
        });
        let mut options = PushOptions::new();
        options
            .remote_callbacks(callbacks)
            .proxy_options(ProxyOptions::new())
            .follow_redirects(RemoteRedirect::None)
            // Deltas are found by as many threads as there are processors, and the server has other guests.
            .packbuilder_parallelism(1);
        remote.push(&[refspec], Some(&mut options)).or_failed("push to the remote")?;
        drop(options);
        refusal.take().map_or(Ok(()), |words| Err(refused(&words)))
    }

    /// Files are written with this; it reports, and stops on cancel.
    pub(crate) fn checkout(&self) -> CheckoutBuilder<'_> {
        let mut checkout = CheckoutBuilder::new();
        checkout.progress(|_, files, _| self.report(Progress { files: files as u64, ..Progress::default() }));
        checkout
    }

    fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.transfer_progress(|progress| {
            self.report(Progress {
                objects: progress.received_objects() as u64,
                total_objects: progress.total_objects() as u64,
                ..Progress::default()
            });
            !self.cancel.is_cancelled()
        });
        callbacks.sideband_progress(|_| !self.cancel.is_cancelled());
        callbacks
    }

    fn report(&self, progress: Progress) {
        self.traffic.touch();
        (self.on_progress.0)(Progress { bytes: self.traffic.bytes(), ..progress });
    }
}

/// The remote's word on a branch: it has gone on meanwhile, or it does not want it.
fn refused(words: &str) -> Error {
    let lower = words.to_ascii_lowercase();
    if ["fast-forward", "fetch first", "stale info", "failed to lock", "failed to update ref"]
        .iter()
        .any(|said| lower.contains(said))
    {
        return diverged();
    }
    Error::new(ErrorKind::RemoteRefused, format!("the remote does not take the branch: {words}"))
        .hint("push to another branch, or ask who keeps the repository")
}

/// Both sides have commits that the other lacks.
pub(crate) fn diverged() -> Error {
    Error::new(ErrorKind::Diverged, "the branch and the remote's have each gone on by themselves")
        .hint("pull, merge in the workspace, and push again; or push to a new branch")
}
