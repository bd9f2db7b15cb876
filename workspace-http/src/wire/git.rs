//! Git repositories, and how they let us in.

use serde::Deserialize;
use utoipa::ToSchema;
use workspace_core::error::Error;
use workspace_core::model::{self, GitAccess, GitSource};
use workspace_core::secret::Secret;

/// A git repository.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Git {
    /// An `https` or `ssh` URL without user name and password.
    #[schema(example = "https://example.org/hello.git")]
    url: String,
    /// The branch; the remote's default when absent.
    branch: Option<String>,
    /// Whether its submodules are filled too, and those in them: by the same rules, with the token or key only where
    /// the repository itself is.
    #[serde(default)]
    submodules: bool,
    /// A token for `https`, or `name:token` for hosts that want to know whose it is; kept sealed, never shown.
    #[schema(value_type = Option<String>, write_only)]
    token: Option<Secret>,
    /// A key for `ssh`, instead of a token; kept sealed, never shown.
    ssh_key: Option<SshKey>,
}

/// A key for `ssh`, and who may answer it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SshKey {
    /// The private key, in OpenSSH's or PKCS#8's text form: ed25519 or ECDSA.
    #[schema(value_type = String, write_only)]
    private_key: Secret,
    /// What opens the key, when it is locked.
    #[schema(value_type = Option<String>, write_only)]
    passphrase: Option<Secret>,
    /// The keys that the server may have: lines of `ssh-keyscan HOST`, or fingerprints `SHA256:..`. A server with
    /// another one is refused, and the hint of that error shows its fingerprint to compare.
    #[serde(default)]
    host_keys: Vec<String>,
}

impl Git {
    pub(crate) fn into_source(self) -> Result<GitSource, Error> {
        let access = git_access(self.token, self.ssh_key, "source.git.")?;
        Ok(GitSource { url: self.url, branch: self.branch, submodules: self.submodules, access })
    }
}

/// The one way in that was given, if any; `at` is what comes before the fields' names.
pub(crate) fn git_access(token: Option<Secret>, key: Option<SshKey>, at: &str) -> Result<Option<GitAccess>, Error> {
    match (token, key) {
        (Some(_), Some(_)) => Err(Error::invalid(format!("{at}ssh_key"), "there is a token and a key")
            .hint("give token for https, or ssh_key for ssh")),
        (Some(token), None) => Ok(Some(GitAccess::Token(token))),
        (None, Some(SshKey { private_key, passphrase, host_keys })) => {
            Ok(Some(GitAccess::SshKey(model::SshKey { private_key, passphrase, host_keys })))
        }
        (None, None) => Ok(None),
    }
}
