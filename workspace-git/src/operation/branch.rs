//! Making a branch.

use std::path::Path;

use git2::{ErrorCode, Repository};
use workspace_core::error::{Error, ErrorKind, Result};

use super::open::{commit_of, open, require_branch_name, require_calm};
use crate::failure::OrFailed;
use crate::tree::NewBranch;

/// Makes a branch and goes to it; changes come along.
pub(crate) fn create_branch(tree: &Path, new: &NewBranch) -> Result<()> {
    require_branch_name(&new.name)?;
    let repository = open(tree)?;
    require_calm(&repository)?;
    let name = format!("refs/heads/{}", new.name);
    if repository.find_reference(&name).is_ok() {
        return Err(name_taken("branch", &new.name));
    }
    match (&new.from, commit_of(&repository, "HEAD")) {
        (Some(from), _) => {
            let commit = commit_named(&repository, from)?;
            let files = commit.tree().or_failed("read the commit")?;
            repository
                .checkout_tree(files.as_object(), Some(git2::build::CheckoutBuilder::new().safe()))
                .or_failed("write the files")?;
            repository.reference(&name, commit.id(), false, "branch").or_failed("make the branch")?;
        }
        (None, Some(here)) => {
            repository.reference(&name, here, false, "branch").or_failed("make the branch")?;
        }
        // Before the first commit a branch is a name.
        (None, None) => {}
    }
    repository.set_head(&name).or_failed("go to the branch")
}

/// Goes to a branch with all changes: a new one begins here, one that is there is brought forward to here.
pub(crate) fn continue_branch(tree: &Path, branch: &str) -> Result<()> {
    require_branch_name(branch)?;
    let repository = open(tree)?;
    require_calm(&repository)?;
    let name = format!("refs/heads/{branch}");
    let (here, there) = (commit_of(&repository, "HEAD"), commit_of(&repository, &name));
    if let Some(there) = there
        && here != Some(there)
    {
        let forward = match here {
            Some(here) => repository.graph_descendant_of(here, there).or_failed("compare the histories")?,
            None => false,
        };
        if !forward {
            let message = format!("branch {branch} has commits that the tree is without");
            return Err(
                Error::new(ErrorKind::Diverged, message).hint("merge it in the workspace, or commit on another branch")
            );
        }
    }
    if let Some(here) = here {
        repository.reference(&name, here, true, "branch").or_failed("bring the branch forward")?;
    }
    repository.set_head(&name).or_failed("go to the branch")
}

fn commit_named<'repo>(repository: &'repo Repository, name: &str) -> Result<git2::Commit<'repo>> {
    repository.revparse_single(name).and_then(|found| found.peel_to_commit()).map_err(|error| match error.code() {
        ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::Ambiguous => {
            Error::invalid("from", "there is no such branch, tag or commit").hint("pull it first, or name another")
        }
        _ => crate::failure::failed("find the start of the branch", error),
    })
}

pub(super) fn name_taken(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::NameTaken, format!("there is a {what} {name} already")).hint("choose another name")
}
