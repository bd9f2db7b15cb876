//! How a git remote lets us in.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// How a git remote lets us in. Kept sealed, never shown; `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GitAccess {
    /// A token for `https`, or `name:token` for hosts that want to know whose it is.
    Token(Secret),
    /// A key for `ssh`.
    SshKey(SshKey),
}

/// A key for `ssh`, and who may answer it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshKey {
    /// The private key, in OpenSSH's or PKCS#8's text form: ed25519 or ECDSA.
    pub private_key: Secret,
    /// What opens the key, when it is locked.
    #[serde(default)]
    pub passphrase: Option<Secret>,
    /// The keys that the server may have: lines of `known_hosts` or of a `.pub` file, or fingerprints `SHA256:..`. A
    /// server with another one is refused, and the hint shows its fingerprint to compare.
    #[serde(default)]
    pub host_keys: Vec<String>,
}

impl GitAccess {
    /// What a request calls it, beside the URL.
    pub(crate) const fn field(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::SshKey(_) => "ssh_key",
        }
    }

    /// Every secret in it, for masking.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let (one, two) = match self {
            Self::Token(token) => (token, None),
            Self::SshKey(key) => (&key.private_key, key.passphrase.as_ref()),
        };
        std::iter::once(one).chain(two)
    }
}
