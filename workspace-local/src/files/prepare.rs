//! Making a folder that a workspace can write to.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

/// Whoever a workspace's programs run as.
const TENANT: u32 = 1_000;

/// Makes a folder with those above it, and gives it to 1000:1000 as far as we may; one that is there stays as it is
/// otherwise.
///
/// # Errors
/// What the system says; also when the folder belongs to somebody else and we may not give it away.
pub fn prepare_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let data = fs::symlink_metadata(folder)?;
    if !data.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    if (data.uid(), data.gid()) == (TENANT, TENANT) { Ok(()) } else { chown(folder, Some(TENANT), Some(TENANT)) }
}
