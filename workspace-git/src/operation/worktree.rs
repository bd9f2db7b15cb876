//! A second tree of the same repository.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use git2::{Repository, WorktreeAddOptions};
use workspace_core::error::{Error, ErrorKind, Result};

use super::branch::name_taken;
use super::open::{commit_of, open, require_branch_name};
use crate::failure::OrFailed;
use crate::tree::NewWorktree;

/// Makes a worktree on a new branch, and answers where it is.
pub(crate) fn add_worktree(tree: &Path, new: &NewWorktree) -> Result<PathBuf> {
    require_branch_name(&new.name)?;
    let repository = open(tree)?;
    let place = place_inside(tree, &new.path)?;
    let branch = format!("refs/heads/{}", new.name);
    // git keeps a folder per worktree, by its name.
    let entry = new.name.replace('/', "-");
    if repository.find_reference(&branch).is_ok() || repository.find_worktree(&entry).is_ok() {
        return Err(name_taken("branch or worktree", &new.name));
    }
    let head = commit_of(&repository, "HEAD").ok_or_else(|| {
        Error::new(ErrorKind::Conflict, "there is no commit to start from").hint("commit something first")
    })?;
    leave_out(&repository, &new.path)?;
    let reference = repository.reference(&branch, head, false, "worktree").or_failed("make the branch")?;
    let mut options = WorktreeAddOptions::new();
    options.reference(Some(&reference));
    repository.worktree(&entry, &place, Some(&options)).or_failed("make the worktree")?;
    Ok(place)
}

/// The place in the tree; no link on the way may lead out of it, and nothing may be there.
fn place_inside(tree: &Path, path: &Path) -> Result<PathBuf> {
    let wrong =
        |what: &str| Error::invalid("path", what).hint("name a new folder inside the tree, such as `.worktrees/fix`");
    let plain = path.components().all(|part| matches!(part, Component::Normal(name) if is_plain(name)));
    let Some(name) = path.file_name().filter(|_| plain) else { return Err(wrong("the worktree's path is not plain")) };
    let tree = tree.canonicalize().or_failed("find the tree")?;
    let above = tree.join(path.parent().unwrap_or(Path::new("")));
    let above = above.canonicalize().map_err(|_| wrong("the folder above the worktree does not exist"))?;
    if !above.starts_with(&tree) {
        return Err(wrong("the worktree's path leads out of the tree"));
    }
    let place = above.join(name);
    if fs::symlink_metadata(&place).is_ok() {
        return Err(name_taken("file or folder", &path.display().to_string()));
    }
    Ok(place)
}

/// A name that means itself, also as a line of `.git/info/exclude`.
fn is_plain(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    bytes.iter().all(plain) && !name.eq_ignore_ascii_case(".git")
}

/// The worktree's files are no files of this tree.
fn leave_out(repository: &Repository, path: &Path) -> Result<()> {
    let info = repository.commondir().join("info");
    fs::create_dir_all(&info).or_failed("write .git/info/exclude")?;
    let mut exclude = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(info.join("exclude"))
        .or_failed("write .git/info/exclude")?;
    writeln!(exclude, "/{}/", path.display()).or_failed("write .git/info/exclude")
}
