//! What was done.

/// What a snapshot took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotReport {
    /// Its version: `<data generation>-<id>`.
    pub version: String,
    /// False when the tree was what the newest snapshot of this copy says: then none was made, and `version` is that
    /// one's.
    pub new: bool,
    /// Files, links and other names that are no directories.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// Names that are no directories and that are new, gone or different since the snapshot it builds on.
    pub files_changed: u64,
    /// Files whose contents had to be read.
    pub files_read: u64,
    /// Directories and files that the profile leaves out.
    pub left_out: u64,
    /// What could not be taken, and why; in the order of their paths.
    pub skipped: Vec<Skipped>,
    /// Bytes sent to the storage, without protocol headers.
    pub bytes_sent: u64,
    /// Requests made to the storage.
    pub requests: u64,
}

/// Something that is not in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Its path below the tree, with characters for bytes that are no UTF-8.
    pub path: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why something is not in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SkipReason {
    /// A device node, FIFO or socket.
    SpecialFile,
    /// The permissions do not allow to read it: data that is missing after a restore.
    Unreadable,
    /// It is in the snapshot, but was written to while it was read: it may be of two moments.
    ChangedWhileRead,
}

/// What a restore did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// The version that was restored.
    pub version: String,
    /// Names that are no directories in the snapshot.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// What was made or replaced, in the order of the paths. Only for [`Merge`](crate::RestoreMode::Merge) and dry
    /// runs.
    pub changes: Vec<Change>,
    /// How many files were made or replaced.
    pub files_changed: u64,
    /// Bytes received from the storage, without protocol headers.
    pub bytes_received: u64,
    /// Requests made to the storage.
    pub requests: u64,
}

/// One name that a restore makes or replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its path below the target, with characters for bytes that are no UTF-8.
    pub path: String,
    /// What happens to it.
    pub kind: ChangeKind,
}

/// What a restore does to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// There was none.
    Created,
    /// There was another one.
    Replaced,
}

/// What a verification found: every pack and every piece is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// The version that was looked at.
    pub version: String,
    /// Packs read from the first to the last byte.
    pub packs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A path for people.
pub(crate) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
