//! What a project's git repository may be called.

use crate::error::{Error, Result};
use crate::model::{GitAccess, GitSource};

/// What can be told without the worker; it checks the rest, and where the name leads, beside the data.
pub(super) fn check_git(git: &GitSource) -> Result<()> {
    let url = git.url.as_str();
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
        return if scp_like { check_access(git, "source.git.") } else { invalid("the URL has no scheme") };
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
    match git.branch.as_deref() {
        Some(branch) if branch.is_empty() || branch.starts_with('-') || branch.len() > 255 => {
            Err(Error::invalid("source.git.branch", "this is no branch")
                .hint("give the name of a branch, such as main"))
        }
        _ => check_access(git, "source.git."),
    }
}

/// Whether the way in is one of the URL's; `at` is what comes before the field's name.
pub(super) fn check_access(git: &GitSource, at: &str) -> Result<()> {
    let by_ssh = git.url.starts_with("ssh://") || !git.url.contains("://");
    match &git.access {
        Some(GitAccess::Token(_)) if by_ssh => {
            Err(Error::invalid(format!("{at}token"), "a token is for https").hint("give ssh_key, or an https URL"))
        }
        Some(GitAccess::SshKey(_)) if !by_ssh => {
            Err(Error::invalid(format!("{at}ssh_key"), "a key is for ssh").hint("give token, or an ssh URL"))
        }
        _ => Ok(()),
    }
}
