//! What a project's git repository may be called.

use crate::error::{Error, Result};
use crate::model::{GitAccess, GitSource};

/// What can be told without the worker; it checks the rest, and where the name leads, beside the data.
pub(super) fn check_git(git: &GitSource) -> Result<()> {
    check_url(&git.url)?;
    check_branch(git.branch.as_deref())?;
    check_access(git, "source.git.")
}

fn check_url(url: &str) -> Result<()> {
    let invalid = |message: &str| {
        Err(Error::invalid("source.git.url", message)
            .hint("give an https or ssh URL such as https://host/team/repo.git"))
    };
    if url.is_empty() || url.len() > 2_048 || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return invalid("the URL is empty, too long, or has spaces or control characters");
    }
    if url.starts_with('-') || url.contains("::") {
        return invalid("the URL looks like an option or a transport helper");
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        let scp_like = url.split_once(':').is_some_and(|(host, path)| host.contains('@') && !path.is_empty());
        return if scp_like { Ok(()) } else { invalid("the URL has no scheme") };
    };
    if !matches!(scheme, "https" | "ssh" | "http") {
        return invalid("only https and ssh are allowed");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':') || scheme != "ssh") {
        return Err(Error::invalid("source.git.url", "the URL has a user name or a password in it")
            .hint("take it out and give source.git.token"));
    }
    Ok(())
}

fn check_branch(branch: Option<&str>) -> Result<()> {
    let bad = |branch: &str| branch.is_empty() || branch.starts_with('-') || branch.len() > 255;
    if branch.is_some_and(bad) {
        return Err(
            Error::invalid("source.git.branch", "this is no branch").hint("give the name of a branch, such as main")
        );
    }
    Ok(())
}

/// Whether the way in is one of the URL's; `at` is what comes before the field's name.
pub(super) fn check_access(git: &GitSource, at: &str) -> Result<()> {
    let by_ssh = git.url.starts_with("ssh://") || !git.url.contains("://");
    let (message, hint) = match &git.access {
        Some(GitAccess::Token(_)) if by_ssh => ("a token is for https", "give ssh_key, or an https URL"),
        Some(GitAccess::SshKey(_)) if !by_ssh => ("a key is for ssh", "give token, or an ssh URL"),
        _ => return Ok(()),
    };
    let field = git.access.as_ref().map_or("", GitAccess::field);
    Err(Error::invalid(format!("{at}{field}"), message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(url: &str, branch: Option<&str>) -> GitSource {
        GitSource { url: url.to_owned(), branch: branch.map(str::to_owned), submodules: false, access: None }
    }

    #[test]
    fn a_branch_is_looked_at_whatever_the_form_of_the_url() {
        for url in ["https://host/r.git", "ssh://git@host/r.git", "git@host:team/r.git"] {
            assert!(check_git(&source(url, Some("main"))).is_ok(), "{url}");
            for branch in ["", "--upload-pack=touch", &"b".repeat(256)] {
                let error = check_git(&source(url, Some(branch))).unwrap_err();
                assert_eq!(error.field(), Some("source.git.branch"), "{url} {branch}: {error}");
            }
        }
    }
}
