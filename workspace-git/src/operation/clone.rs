//! Filling an empty folder from the remote.

use std::fs;
use std::path::Path;

use git2::{ConfigLevel, Direction, Oid, Repository, RepositoryInitOptions};
use workspace_core::error::{Error, ErrorKind, Result};

use super::open::{ORIGIN, require_branch_name, tracking};
use crate::failure::OrFailed;
use crate::line::{Heads, Line};
use crate::sync::GitSync;

/// Stands in `.git` until all files are written: what it stands beside is ours, and the clone may go on over it.
const UNFINISHED: &str = "unfinished-clone";
/// The branch of a repository that has none yet.
const FIRST_BRANCH: &str = "main";

/// What a clone brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloned {
    /// The branch that the tree is on.
    pub branch: String,
    /// The commit that the tree is on; absent when the remote is empty.
    pub commit: Option<String>,
    /// How many files the tree has.
    pub files: u64,
    /// How many submodules were filled; none where nobody asked for that.
    pub submodules: u64,
    /// How many bytes went over the wire.
    pub bytes: u64,
}

/// What is wanted.
struct Wanted {
    /// As it shall stand in `.git/config`.
    url: String,
    branch: Option<String>,
    version: Option<String>,
    depth: Option<u32>,
}

impl GitSync {
    /// Fills an empty folder, which may be the root of a volume: the folder itself is neither made nor replaced.
    ///
    /// Idempotent: after a crash it goes on; after an error that came before the first file the folder is empty again.
    /// Where submodules were asked for they come last: what was cut among them is brought by the next pull.
    ///
    /// # Errors
    /// `Conflict` when the folder is not empty, `RemoteNotFound` when the branch is missing.
    pub async fn clone_into(&self, tree: &Path) -> Result<Cloned> {
        self.clone_version(tree, None).await
    }

    /// The same, at a commit or tag of the branch.
    pub(crate) async fn clone_version(&self, tree: &Path, version: Option<String>) -> Result<Cloned> {
        let wanted =
            Wanted { url: self.remote.url.to_string(), branch: self.remote.branch.clone(), version, depth: self.depth };
        let folder = tree.to_owned();
        let cloned = self.online(move |line| clone(line, &folder, &wanted)).await?;
        let filled = self.fill_submodules(tree).await?;
        Ok(Cloned { submodules: filled.count, bytes: cloned.bytes + filled.bytes, ..cloned })
    }
}

/// Whether a clone may fill this folder: it is empty, or holds what an interrupted clone left.
pub(crate) fn is_vacant(tree: &Path) -> Result<bool> {
    let mut entries = fs::read_dir(tree).or_failed("read the tree")?;
    Ok(entries.next().is_none() || tree.join(".git").join(UNFINISHED).is_file())
}

fn clone(line: &Line, tree: &Path, wanted: &Wanted) -> Result<Cloned> {
    if let Some(branch) = &wanted.branch {
        require_branch_name(branch)?;
    }
    if !is_vacant(tree)? {
        return Err(Error::new(ErrorKind::Conflict, "the tree is not empty").hint("clone into a new project"));
    }
    let repository = begin(tree)?;
    let mut files_written = false;
    let cloned = fill(line, &repository, wanted, &mut files_written);
    if cloned.is_err() && !files_written {
        drop(repository);
        fs::remove_dir_all(tree.join(".git")).or_failed("empty the tree again")?;
    }
    cloned
}

pub(super) fn begin(tree: &Path) -> Result<Repository> {
    let dot_git = tree.join(".git");
    fs::create_dir_all(&dot_git).or_failed("make .git")?;
    fs::write(dot_git.join(UNFINISHED), "").or_failed("write into .git")?;
    // A clone that was killed leaves its lock.
    let _ = fs::remove_file(dot_git.join("index.lock"));
    let mut options = RepositoryInitOptions::new();
    // Templates bring hooks.
    options.external_template(false).mkdir(false).mkpath(false).initial_head(FIRST_BRANCH);
    Repository::init_opts(tree, &options).or_failed("make the repository")
}

fn fill(line: &Line, repository: &Repository, wanted: &Wanted, files_written: &mut bool) -> Result<Cloned> {
    let mut remote = line.remote(repository)?;
    let heads = line.heads(&mut remote, Direction::Fetch)?;
    let branch = choose(&heads, wanted)?;
    require_branch_name(&branch)?;
    let all = format!("+refs/heads/*:{}", tracking("*"));
    let one = format!("+refs/heads/{branch}:{}", tracking(&branch));
    let refspec = if wanted.depth.is_some() { one } else { all };
    let mut commit = None;
    if heads.get(&branch).is_some() {
        line.fetch(&mut remote, std::slice::from_ref(&refspec), wanted.depth)?;
        let found = target(repository, &branch, wanted.version.as_deref())?;
        *files_written = true;
        write_files(line, repository, found)?;
        let branch = format!("refs/heads/{branch}");
        repository.reference(&branch, found, true, "clone").or_failed("make the branch")?;
        commit = Some(found.to_string());
    }
    repository.set_head(&format!("refs/heads/{branch}")).or_failed("go to the branch")?;
    write_settings(repository, &wanted.url, &refspec, &branch)?;
    let files = repository.index().or_failed("read the index")?.len() as u64;
    finish(repository)?;
    Ok(Cloned { branch, commit, files, submodules: 0, bytes: line.traffic.bytes() })
}

/// All files are written.
pub(super) fn finish(repository: &Repository) -> Result<()> {
    fs::remove_file(repository.path().join(UNFINISHED)).or_failed("finish the clone")
}

/// The wanted branch, the remote's own, or one that it has. An empty remote has whatever is wanted.
fn choose(heads: &Heads, wanted: &Wanted) -> Result<String> {
    if let Some(branch) = &wanted.branch {
        if !heads.branches.is_empty() {
            heads.require(branch)?;
        }
        return Ok(branch.clone());
    }
    let own = heads.default.as_ref().filter(|own| heads.branches.is_empty() || heads.get(own).is_some());
    let usual = || [FIRST_BRANCH, "master"].into_iter().find(|usual| heads.get(usual).is_some()).map(str::to_owned);
    let any = || heads.branches.first().map(|(name, _)| name.clone());
    Ok(own.cloned().or_else(usual).or_else(any).unwrap_or_else(|| FIRST_BRANCH.to_owned()))
}

/// The branch's commit, or that of a version that belongs to the branch.
pub(super) fn target(repository: &Repository, branch: &str, version: Option<&str>) -> Result<Oid> {
    let tip = repository.refname_to_id(&tracking(branch)).or_failed("find what was fetched")?;
    let Some(version) = version else { return Ok(tip) };
    let missing = || {
        Error::new(ErrorKind::RemoteNotFound, format!("branch {branch} has no such version"))
            .hint("name a commit or tag of this branch; a shallow clone has only the newest commits")
    };
    let found = Oid::from_str(version)
        .ok()
        .filter(|_| version.len() == 40)
        .or_else(|| {
            repository.find_reference(&format!("refs/tags/{version}")).ok()?.peel_to_commit().ok().map(|c| c.id())
        })
        .ok_or_else(missing)?;
    let belongs = found == tip || repository.graph_descendant_of(tip, found).unwrap_or(false);
    if belongs { Ok(found) } else { Err(missing()) }
}

pub(super) fn write_files(line: &Line, repository: &Repository, commit: Oid) -> Result<()> {
    let tree = repository.find_commit(commit).and_then(|commit| commit.tree()).or_failed("read the commit")?;
    // The tree is empty or half written by a clone of ours: there is nothing to spare.
    repository.checkout_tree(tree.as_object(), Some(line.checkout().force())).or_failed("write the files")
}

/// What `git` in the workspace needs to know the branch.
fn write_settings(repository: &Repository, url: &str, refspec: &str, branch: &str) -> Result<()> {
    write_remote(repository, url, refspec)?;
    let merge = format!("refs/heads/{branch}");
    set(repository, &[(&format!("branch.{branch}.remote"), ORIGIN), (&format!("branch.{branch}.merge"), &merge)])
}

/// What `git` in the workspace needs to know the remote. The URL holds no secret.
pub(super) fn write_remote(repository: &Repository, url: &str, refspec: &str) -> Result<()> {
    set(repository, &[(&format!("remote.{ORIGIN}.url"), url), (&format!("remote.{ORIGIN}.fetch"), refspec)])
}

fn set(repository: &Repository, settings: &[(&str, &str)]) -> Result<()> {
    let config = repository.config().and_then(|config| config.open_level(ConfigLevel::Local));
    let mut config = config.or_failed("open .git/config")?;
    settings.iter().try_for_each(|(key, value)| config.set_str(key, value)).or_failed("write .git/config")
}
