//! What a server keeps on disk: small JSON files, each replaced as a whole.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use workspace_core::error::{Error, ErrorKind, Result};

/// Checks the name of an object: it becomes the name of a file.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let first = name.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let rest = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
    if first && rest && (2..=128).contains(&name.len()) {
        return Ok(());
    }
    Err(Error::invalid("name", format!("{name:?} is no name for an object on a server"))
        .hint("use 2 to 128 letters, digits, '_', '.' and '-', beginning with a letter or digit"))
}

/// Reads a file; `None` when there is none.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(disk_error(error)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| Error::new(ErrorKind::Internal, "the local server's state cannot be read").source(error))
}

/// Writes a file; readers and the next start see the old or the new one.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec(value)
        .map_err(|error| Error::new(ErrorKind::Internal, "the local server's state cannot be written").source(error))?;
    let temporary = path.with_extension("new");
    fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, path)).map_err(disk_error)
}

/// The names of what is in a folder, sorted; none when it is missing.
pub(super) fn names(folder: &Path) -> Result<Vec<String>> {
    let items = match fs::read_dir(folder) {
        Ok(items) => items,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(disk_error(error)),
    };
    let mut names: Vec<String> = items.flatten().filter_map(|item| item.file_name().into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// The error of an operation on the server's own folder.
pub(crate) fn disk_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::new(ErrorKind::DiskFull, "there is no room on the disk of the local server")
        }
        _ => Error::new(ErrorKind::Internal, "the local server's folder cannot be used")
            .hint("check that it exists and that this process may write to it"),
    }
    .source(error)
}
