//! Who we are to a remote.

use std::fmt;

use serde::{Deserialize, Serialize};
use workspace_core::secret::Secret;

/// Who we are to a remote. Secrets are shown by no `Debug`, and are written nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Credentials {
    /// Nobody: public repositories over https.
    #[default]
    None,
    /// A token or password over https.
    Token {
        /// The name that goes with it; most hosts take any, such as `x-access-token`.
        username: String,
        /// The token.
        token: Secret,
    },
    /// A key for ssh.
    SshKey {
        /// The private key, in OpenSSH's or PKCS#8's text form: ed25519 or ECDSA.
        private_key: Secret,
        /// What opens the key, when it is locked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passphrase: Option<Secret>,
        /// The keys that the server may have.
        host_keys: Vec<HostKey>,
    },
}

/// A key that an ssh server may have: a line of `known_hosts` or of a `.pub` file, or a fingerprint `SHA256:..`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostKey(String);

impl HostKey {
    /// Takes the text as it is; what cannot be read matches no server.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether the server's key is this one: its fingerprint, and its base64 form.
    #[cfg(feature = "ssh")]
    pub(crate) fn matches(&self, fingerprint: &str, base64: &str) -> bool {
        let word = |wanted: &str| self.0.split_ascii_whitespace().any(|word| word == wanted);
        word(fingerprint) || word(base64)
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostKey({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let token = Credentials::Token { username: "me".into(), token: Secret::new("canary") };
        assert!(!format!("{token:?}").contains("canary"));
        let key = Credentials::SshKey {
            private_key: Secret::new("canary"),
            passphrase: Some(Secret::new("canary")),
            host_keys: vec![HostKey::new("SHA256:x")],
        };
        assert!(!format!("{key:?}").contains("canary"));
    }

    #[cfg(feature = "ssh")]
    #[test]
    fn host_keys_match_in_every_form() {
        for text in ["SHA256:abc", "host ssh-ed25519 AAAA", "ssh-ed25519 AAAA me@host", "[host]:22 ssh-ed25519 AAAA"] {
            assert!(HostKey::new(text).matches("SHA256:abc", "AAAA"), "{text}");
        }
        for text in ["", "SHA256:abcd", "host ssh-ed25519 AAAAB"] {
            assert!(!HostKey::new(text).matches("SHA256:abc", "AAAA"), "{text}");
        }
    }
}
