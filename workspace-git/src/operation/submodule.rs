//! The submodules of a tree's commit, and one of them on the disk.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use git2::{Direction, Index, ObjectType, Oid, Repository};
use workspace_core::error::{Error, ErrorKind, Result};

use super::clone::{begin, finish, is_vacant, write_files, write_remote};
use super::gitmodules;
use super::open::{open, require_calm, tracking};
use super::pull::{advances, write_changes};
use crate::failure::OrFailed;
use crate::line::Line;

/// What the index says of a submodule.
const GITLINK: u32 = 0o160_000;
/// What a tree says of a link.
const LINK: i32 = 0o120_000;
/// Of a longer `.gitmodules` nothing is believed.
const MOST_BYTES: usize = 1 << 20;

/// A submodule that is not where its repository's commit wants it.
#[derive(Clone, Debug)]
pub(crate) struct Submodule {
    /// Where it stands.
    pub(crate) folder: PathBuf,
    /// The same, for people.
    pub(crate) name: String,
    /// As `.gitmodules` says it: nobody has looked at it.
    pub(crate) url: String,
    /// The commit that it is to be on.
    pub(crate) commit: Oid,
    /// Whether it is there already.
    pub(crate) is_there: bool,
}

/// The submodules of the commit that the tree is on; one that `.gitmodules` does not know is none.
pub(crate) fn submodules(tree: &Path) -> Result<Vec<Submodule>> {
    let repository = open(tree)?;
    let Some(root) = repository.head().ok().and_then(|head| head.peel_to_tree().ok()) else { return Ok(Vec::new()) };
    let sections = match root.get_name(".gitmodules") {
        Some(entry) if entry.kind() == Some(ObjectType::Blob) && entry.filemode() != LINK => {
            let text = repository.find_blob(entry.id()).or_failed("read .gitmodules")?;
            if text.size() > MOST_BYTES {
                return Err(Error::new(ErrorKind::Invalid, ".gitmodules is too long").hint("clone without submodules"));
            }
            gitmodules::read(&String::from_utf8_lossy(text.content()))
        }
        _ => return Ok(Vec::new()),
    };
    // An index of its own: what the user of the tree has staged is not what the commit says.
    let mut index = Index::new().or_failed("list the commit")?;
    index.read_tree(&root).or_failed("list the commit")?;
    let tree = tree.canonicalize().or_failed("find the tree")?;
    let mut found = Vec::new();
    for entry in index.iter().filter(|entry| entry.mode == GITLINK) {
        let known = |section: &&gitmodules::Section| {
            section.path.as_ref().is_some_and(|path| path.trim_end_matches('/').as_bytes() == entry.path)
        };
        let Some(url) = sections.iter().find(known).and_then(|section| section.url.clone()) else { continue };
        let name = shown(&entry.path);
        let folder = place(&tree, Path::new(OsStr::from_bytes(&entry.path)), &name)?;
        // One that the user's own git keeps below `.git/modules` is left to it.
        if fs::symlink_metadata(folder.join(".git")).is_ok_and(|found| found.is_file()) {
            continue;
        }
        let is_there = head_of(&folder) == Some(entry.id);
        found.push(Submodule { folder, name, url, commit: entry.id, is_there });
    }
    Ok(found)
}

/// What is behind a path, without control characters.
fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).chars().take(200).flat_map(char::escape_debug).collect()
}

/// The folder of a submodule, made where it is missing. Nothing on the way to it may be a link.
fn place(tree: &Path, path: &Path, name: &str) -> Result<PathBuf> {
    let mut folder = tree.to_owned();
    for component in path.components() {
        let Component::Normal(part) = component else { return Err(out_of_the_tree(name)) };
        if part.eq_ignore_ascii_case(".git") {
            return Err(out_of_the_tree(name));
        }
        folder.push(part);
        match fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(out_of_the_tree(name)),
            Err(_) => fs::create_dir(&folder).or_failed("make the folder of a submodule")?,
        }
    }
    Ok(folder)
}

fn out_of_the_tree(name: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("submodule {name} does not stand in a folder of the tree"))
        .hint("remove what stands in its place, a link or a file")
}

/// The commit that a repository is on, if it is one that was filled.
fn head_of(folder: &Path) -> Option<Oid> {
    if is_vacant(folder).unwrap_or(true) {
        return None;
    }
    open(folder).ok()?.head().ok()?.target()
}

/// Brings a submodule to its commit. It gets a repository of its own at its place, on no branch, as git has it.
/// Commits and changes that are only there are kept: what would lose them is refused.
pub(crate) fn fill_submodule(line: &Line, submodule: &Submodule, url: &str) -> Result<u64> {
    let is_new = is_vacant(&submodule.folder)?;
    let repository = if is_new { begin(&submodule.folder)? } else { open(&submodule.folder)? };
    require_calm(&repository)?;
    let refspec = format!("+refs/heads/*:{}", tracking("*"));
    let mut remote = line.remote(&repository)?;
    line.heads(&mut remote, Direction::Fetch)?;
    line.fetch(&mut remote, std::slice::from_ref(&refspec), None)?;
    require_commit(&repository, submodule.commit)?;
    if is_new {
        write_files(line, &repository, submodule.commit)?;
    } else if advances(&repository, head_of(&submodule.folder), submodule.commit)? {
        write_changes(line, &repository, submodule.commit)?;
    } else {
        return Ok(line.traffic.bytes());
    }
    repository.set_head_detached(submodule.commit).or_failed("go to the submodule's commit")?;
    write_remote(&repository, url, &refspec)?;
    if is_new {
        finish(&repository)?;
    }
    Ok(line.traffic.bytes())
}

fn require_commit(repository: &Repository, commit: Oid) -> Result<()> {
    repository.find_commit(commit).map(drop).map_err(|error| {
        Error::new(ErrorKind::RemoteNotFound, format!("no branch of its remote has commit {commit}"))
            .hint("push the submodule's commit to a branch")
            .source(error)
    })
}
