//! What a workspace turns to as soon as it is stopped.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{JobId, ProjectId, SnapshotId};

/// What becomes of a workspace as soon as it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// What it turns to.
    pub to: SwitchTo,
    /// Whether it is started then.
    pub start: bool,
}

/// What a workspace turns to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchTo {
    /// It gets another project, and goes to the server that has its data.
    Project(ProjectId),
    /// Its data is made anew on another server, and it goes there.
    Elsewhere(Move),
}

/// How far the way to another server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Why it goes.
    pub cause: MoveCause,
    /// Since when.
    pub begun_at: Timestamp,
    /// The snapshot that takes the data there.
    pub written: Option<Written>,
    /// The job that makes the next copy from it.
    pub job: Option<JobId>,
}

/// A snapshot that has all of a project's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Which.
    pub snapshot: SnapshotId,
    /// The project's revision since it was begun: as long as that stands, nobody began to write into the data.
    pub revision: u64,
}

/// Why a workspace goes to another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveCause {
    /// Its server is drained.
    Drain,
    /// Its server is lost.
    Failover,
}

impl Switch {
    /// The beginning of a way to another server.
    pub const fn elsewhere(cause: MoveCause, start: bool, begun_at: Timestamp) -> Self {
        Self { to: SwitchTo::Elsewhere(Move { cause, begun_at, written: None, job: None }), start }
    }

    /// The way to another server, if that is what it is.
    pub const fn way(&self) -> Option<Move> {
        match self.to {
            SwitchTo::Elsewhere(way) => Some(way),
            SwitchTo::Project(_) => None,
        }
    }
}

impl MoveCause {
    /// The name in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Failover => "failover",
        }
    }
}
