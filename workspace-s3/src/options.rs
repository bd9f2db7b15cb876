//! What a caller says of a snapshot and of a restore.

use workspace_core::id::SnapshotId;

/// What of a tree goes into a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Everything: for moving, draining, cloning, rescuing and stopping.
    #[default]
    Full,
    /// What cannot be made again: directories of build results and downloaded packages are left out where their
    /// marker stands there (`package.json` beside `node_modules`, `CACHEDIR.TAG` in a cache, ..). A
    /// `.workspaceignore` in the syntax of `.gitignore` leaves out more, or brings back with `!`.
    Source,
}

impl Profile {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Full => 0,
            Self::Source => 1,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Full),
            1 => Some(Self::Source),
            _ => None,
        }
    }
}

/// How to make a snapshot. The default is everything of generation 0.
#[derive(Clone, Debug, Default)]
pub struct SnapshotOptions {
    /// The snapshot's id; a new one when absent.
    pub id: Option<SnapshotId>,
    /// Which copy of the project it is made of; snapshots of later copies are newer.
    pub data_generation: u64,
    /// What goes in.
    pub profile: Profile,
    /// Whether `.gitignore` files count in profile [`Source`](Profile::Source): they often name state such as `.env`.
    pub gitignore: bool,
    /// Leaves out every directory named `.git`, and with it the history.
    pub leave_out_git: bool,
    /// What to say of it.
    pub message: String,
}

/// How to restore.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// The version to restore, as [`Version::version`](workspace_core::port::Version::version) names it; the newest
    /// when absent.
    pub version: Option<String>,
    /// Where it goes.
    pub mode: RestoreMode,
    /// Writes nothing; the report tells what would change.
    pub dry_run: bool,
}

/// Where a restore goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestoreMode {
    /// Into a directory that is empty or does not exist yet.
    #[default]
    New,
    /// File by file into what is there: what the snapshot has replaces what the directory has, the rest stays.
    Merge,
}
