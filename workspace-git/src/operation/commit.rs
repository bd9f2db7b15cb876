//! Making a commit of what differs.

use std::path::Path;

use git2::{Index, IndexAddOption, Repository, Signature, Time};
use workspace_core::error::{Error, ErrorKind, Result};

use super::open::{open, require_calm};
use crate::failure::OrFailed;
use crate::tree::NewCommit;

/// Commits everything that differs, without what is ignored; nothing when nothing differs.
pub(crate) fn commit(tree: &Path, new: &NewCommit) -> Result<Option<String>> {
    let repository = open(tree)?;
    require_calm(&repository)?;
    let mut index = repository.index().or_failed("open the index")?;
    add_all(&repository, &mut index)?;
    let written = index.write_tree().or_failed("write the tree")?;
    let parent = match repository.head() {
        Ok(head) => Some(head.peel_to_commit().or_failed("read the present commit")?),
        Err(error) if error.code() == git2::ErrorCode::UnbornBranch => None,
        Err(error) => return Err(error).or_failed("read the present commit"),
    };
    let unchanged = parent.as_ref().map_or(index.is_empty(), |parent| parent.tree_id() == written);
    index.write().or_failed("write the index")?;
    if unchanged {
        return Ok(None);
    }
    let author = signature(new)?;
    let tree = repository.find_tree(written).or_failed("read the tree")?;
    let parents: Vec<_> = parent.iter().collect();
    let commit = repository.commit(Some("HEAD"), &author, &author, &new.message, &tree, &parents);
    Ok(Some(commit.or_failed("write the commit")?.to_string()))
}

/// What `git add --all` does, but a repository inside the tree is left out: its files are no files of this one.
fn add_all(repository: &Repository, index: &mut Index) -> Result<()> {
    let root = repository.workdir().map(Path::to_owned).unwrap_or_default();
    let mut leave_out = |path: &Path, _: &[u8]| i32::from(root.join(path).join(".git").exists());
    index.add_all(["*"], IndexAddOption::DEFAULT, Some(&mut leave_out)).or_failed("add the files")?;
    if index.has_conflicts() {
        return Err(Error::new(ErrorKind::Conflict, "files of the tree are in conflict").hint("resolve them first"));
    }
    Ok(())
}

fn signature(new: &NewCommit) -> Result<Signature<'static>> {
    let time = Time::new(new.at.as_micros() / 1_000_000, 0);
    Signature::new(&new.author.name, &new.author.email, &time).map_err(|error| {
        Error::invalid("author", "the author has no name or address that git takes")
            .hint("give both, without `<`, `>` and line ends")
            .source(error)
    })
}
