//! Secrets that are made once and kept in the data directory, for its owner alone.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use workspace_fleet::environment::Environment;
use workspace_fleet::error::{Error, ErrorKind, Result};
use workspace_fleet::secret::Secret;

/// The secret in a file; it is made when there is none.
pub(crate) fn kept(file: &Path, make: impl FnOnce() -> Secret) -> Result<Secret> {
    match std::fs::read_to_string(file) {
        Ok(text) if !text.trim().is_empty() => Ok(Secret::new(text.trim())),
        Ok(_) => Err(Error::new(ErrorKind::Invalid, format!("{} is empty", file.display()))
            .hint("put the secret back, or remove the file and lose what it seals")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret = make();
            write(file, &secret).map(|()| secret)
        }
        Err(error) => Err(Error::new(ErrorKind::Internal, format!("{} cannot be read", file.display())).source(error)),
    }
}

/// A token of 256 random bits.
pub(crate) fn new_token() -> Secret {
    let bytes = Environment::system().bytes::<32>();
    let text = bytes.iter().fold("wsf_".to_owned(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    Secret::new(text)
}

fn write(file: &Path, secret: &Secret) -> Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut opened| writeln!(opened, "{}", secret.reveal()))
        .map_err(|error| Error::new(ErrorKind::Internal, format!("{} cannot be written", file.display())).source(error))
}
