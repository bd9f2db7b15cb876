//! Sealing of secrets at rest: XChaCha20-Poly1305 with a random nonce, bound to the row that it stands in.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use workspace_core::environment::{Entropy, SystemEntropy};
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::secret::Secret;

use crate::SecretKey;

/// The layout: one byte of version, the key's mark, the nonce, the sealed text.
const VERSION: u8 = 1;
/// Version and mark: the same for everything that one key sealed.
pub(crate) const HEADER_BYTES: usize = 9;
const NONCE_BYTES: usize = 24;

/// Seals and opens secrets, if it has a key.
pub(crate) struct Vault(Option<Keyed>);

struct Keyed {
    cipher: XChaCha20Poly1305,
    /// Tells keys apart without telling anything about them.
    header: [u8; HEADER_BYTES],
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Vault(..)" } else { "Vault(no key)" })
    }
}

impl Vault {
    pub(crate) fn new(key: Option<&SecretKey>) -> Self {
        Self(key.map(|key| {
            let mark =
                Sha256::new().chain_update(b"workspace-sql secret key mark").chain_update(key.bytes()).finalize();
            let mut header = [VERSION; HEADER_BYTES];
            header[1..].copy_from_slice(&mark[..HEADER_BYTES - 1]);
            Keyed { cipher: XChaCha20Poly1305::new(&Key::from(*key.bytes())), header }
        }))
    }

    /// Refuses to go on when something in the store was sealed with another key.
    pub(crate) fn check(&self, headers: &[Vec<u8>]) -> Result<()> {
        let Some(keyed) = &self.0 else {
            return if headers.is_empty() {
                Ok(())
            } else {
                Err(missing("the store has secrets and no key was given"))
            };
        };
        if headers.iter().all(|header| header[..] == keyed.header) {
            return Ok(());
        }
        Err(Error::invalid("secret_key", "the store's secrets are sealed with another key")
            .hint("start with the WORKSPACE_SECRET_KEY that this store was used with before"))
    }

    /// Seals a secret for the row `place`.
    pub(crate) fn seal(&self, place: &str, secret: &Secret) -> Result<Vec<u8>> {
        let keyed = self.0.as_ref().ok_or_else(|| missing("a secret cannot be kept without a key"))?;
        let mut nonce = [0; NONCE_BYTES];
        SystemEntropy.fill(&mut nonce);
        let payload = Payload { msg: secret.reveal().as_bytes(), aad: place.as_bytes() };
        let sealed = keyed.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Error::new(ErrorKind::Internal, "a secret could not be sealed"))?;
        Ok([&keyed.header[..], &nonce, &sealed].concat())
    }

    /// Opens what was sealed for the row `place`.
    pub(crate) fn open(&self, place: &str, sealed: &[u8]) -> Result<Secret> {
        let keyed = self.0.as_ref().ok_or_else(|| missing("a secret cannot be opened without a key"))?;
        let wrong = || {
            Error::new(ErrorKind::Internal, format!("the secret of {place} cannot be opened"))
                .hint("it was sealed with another key, or its row was changed by hand: write it anew")
        };
        if sealed.len() < HEADER_BYTES + NONCE_BYTES || sealed[..HEADER_BYTES] != keyed.header {
            return Err(wrong());
        }
        let (nonce, text) = sealed[HEADER_BYTES..].split_at(NONCE_BYTES);
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| wrong())?;
        let payload = Payload { msg: text, aad: place.as_bytes() };
        let text = keyed.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| wrong())?;
        String::from_utf8(text).map(Secret::new).map_err(|_| wrong())
    }
}

fn missing(message: &str) -> Error {
    Error::invalid("secret_key", message).hint("start with WORKSPACE_SECRET_KEY set to the store's key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_with_its_key_in_its_place_only() {
        let key = SecretKey::generate();
        let vault = Vault::new(Some(&key));
        let secret = Secret::new("hunter2");
        let sealed = vault.seal("server:1", &secret).unwrap();
        assert_eq!(vault.open("server:1", &sealed).unwrap(), secret);
        assert_ne!(sealed, vault.seal("server:1", &secret).unwrap(), "each sealing has a nonce of its own");
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert!(vault.open("server:2", &sealed).is_err(), "a sealed secret does not move to another row");
        assert!(Vault::new(Some(&SecretKey::generate())).open("server:1", &sealed).is_err());
        assert_eq!(Vault::new(None).open("server:1", &sealed).unwrap_err().field(), Some("secret_key"));
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(vault.open("server:1", &changed).is_err(), "a changed byte {index} is noticed");
            assert!(vault.open("server:1", &sealed[..index]).is_err(), "a cut at {index} is noticed");
        }
    }

    #[test]
    fn other_keys_are_told_by_their_mark() {
        let vault = Vault::new(Some(&SecretKey::generate()));
        let header = vault.seal("a", &Secret::new("b")).unwrap()[..HEADER_BYTES].to_vec();
        assert!(vault.check(std::slice::from_ref(&header)).is_ok());
        assert!(Vault::new(None).check(&[]).is_ok());
        let errors = [
            Vault::new(None).check(std::slice::from_ref(&header)).unwrap_err(),
            Vault::new(Some(&SecretKey::generate())).check(&[header]).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.field(), Some("secret_key"));
            assert!(error.next_step().unwrap().contains("WORKSPACE_SECRET_KEY"));
        }
    }
}
