//! Files.

use serde::Serialize;
use utoipa::ToSchema;
use workspace_core::clock::Timestamp;
use workspace_core::port;

use super::mirror::mirror;

mirror! {
    /// What kind of thing a path names.
    FileKind = port::FileKind { File, Directory, Symlink, Other }
}

/// A file, folder or link below `/workspace`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileEntry {
    /// The path below `/workspace`.
    path: String,
    kind: FileKind,
    /// Bytes of a file.
    size: u64,
    /// The permission bits as a number: 420 is 0644.
    mode: u32,
    #[schema(value_type = String, format = DateTime)]
    modified_at: Timestamp,
}

impl From<port::FileEntry> for FileEntry {
    fn from(entry: port::FileEntry) -> Self {
        Self {
            path: entry.path,
            kind: entry.kind.into(),
            size: entry.size,
            mode: entry.mode,
            modified_at: entry.modified_at,
        }
    }
}
