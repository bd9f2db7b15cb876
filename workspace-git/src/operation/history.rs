//! What the remote has.

use git2::{Direction, Repository, RepositoryInitOptions, Sort};
use workspace_core::clock::Timestamp;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::Version;

use crate::failure::OrFailed;
use crate::line::Line;
use crate::sync::GitSync;

impl GitSync {
    /// The newest commits of the remote's branch, newest first.
    ///
    /// git tells of commits only with all that they hold: they are brought into a folder that is thrown away.
    pub(crate) async fn history(&self, limit: u32) -> Result<Vec<Version>> {
        let branch = self.remote.branch.clone();
        self.online(move |line| history(line, branch, limit)).await
    }
}

fn history(line: &Line, branch: Option<String>, limit: u32) -> Result<Vec<Version>> {
    let folder = tempfile::tempdir().or_failed("make a folder")?;
    let mut options = RepositoryInitOptions::new();
    options.external_template(false).bare(true);
    let repository = Repository::init_opts(folder.path(), &options).or_failed("make a repository")?;
    let mut remote = line.remote(&repository)?;
    let heads = line.heads(&mut remote, Direction::Fetch)?;
    if heads.branches.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let branch = branch.or_else(|| heads.default.clone()).ok_or_else(|| {
        Error::new(ErrorKind::RemoteNotFound, "the remote names no branch as its own").hint("name a branch")
    })?;
    let tip = heads.require(&branch)?;
    line.fetch(&mut remote, &[format!("+refs/heads/{branch}:refs/heads/{branch}")], Some(limit))?;
    let mut walk = repository.revwalk().or_failed("walk the history")?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).or_failed("walk the history")?;
    walk.push(tip).or_failed("walk the history")?;
    walk.take(limit as usize)
        .map(|commit| {
            let commit = repository.find_commit(commit.or_failed("walk the history")?).or_failed("read a commit")?;
            Ok(Version {
                version: commit.id().to_string(),
                at: Timestamp::from_micros(commit.time().seconds().saturating_mul(1_000_000)),
                message: String::from_utf8_lossy(commit.message_bytes()).trim_end().to_owned(),
            })
        })
        .collect()
}
