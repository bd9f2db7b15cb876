//! The key that secrets at rest are sealed with.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use workspace_core::environment::{Entropy, SystemEntropy};
use workspace_core::error::{Error, Result};
use workspace_core::secret::Secret;

/// 256 random bits that seal TLS client keys and git tokens in the database; its `Debug` shows nothing.
///
/// Whoever loses it loses what it sealed: keep it beside the database's backups, not in them.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Self {
        let mut bytes = [0; 32];
        SystemEntropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Reads what [`SecretKey::to_text`] wrote: 64 hexadecimal digits, white space around them is ignored.
    ///
    /// # Errors
    /// `Invalid` for any other text; the error does not show it.
    pub fn from_text(text: &str) -> Result<Self> {
        let text = text.trim();
        let wrong = || {
            Error::invalid("secret_key", "a secret key is 64 hexadecimal digits")
                .hint("make one with `openssl rand -hex 32` and keep it: what it seals cannot be read without it")
        };
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }

    /// The key as text, to be kept.
    pub fn to_text(&self) -> Secret {
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            let _ = write!(text, "{byte:02x}");
        }
        Secret::new(text)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for SecretKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::from_text(text)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let key = SecretKey::generate();
        let text = key.to_text();
        assert_eq!(SecretKey::from_text(&format!(" {}\n", text.reveal())).unwrap(), key);
        assert_ne!(SecretKey::generate(), key);
        assert_eq!(format!("{key:?}"), "SecretKey(..)");
    }

    #[test]
    fn other_text_is_refused_and_not_shown() {
        for text in ["", "abc", &"g".repeat(64), &"ab".repeat(33), &"é".repeat(32)] {
            let error = SecretKey::from_text(text).unwrap_err();
            assert_eq!(error.field(), Some("secret_key"));
            assert!(text.is_empty() || !error.chain().contains(text));
        }
    }
}
