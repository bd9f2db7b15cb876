//! Running intervals: what a workspace had, from when to when. Facts that a bill can be summed from.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{OwnerId, ServerId, WorkspaceId};
use crate::model::{Status, Workspace};
use crate::resources::Resources;

/// How a running interval ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageEnd {
    /// Somebody wanted it stopped.
    Stopped,
    /// Somebody wanted it gone, or its time to live had ended.
    Deleted,
    /// Its next generation took its place: a restart by wish, or after its program had ended.
    Restarted,
    /// It ended by itself and was not started again.
    Failed,
    /// Its server was lost.
    Lost,
}

impl UsageEnd {
    /// Every way to end.
    pub const ALL: [Self; 5] = [Self::Stopped, Self::Deleted, Self::Restarted, Self::Failed, Self::Lost];

    /// The name over the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
            Self::Restarted => "restarted",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }

    /// How the row that ended an interval says that it ended.
    pub fn of(row: &Workspace) -> Self {
        match row.observed.status {
            Status::Lost => Self::Lost,
            Status::Deleting | Status::Deleted => Self::Deleted,
            Status::Error => Self::Failed,
            Status::Stopping | Status::Stopped if row.observed.error.is_some() => Self::Failed,
            Status::Stopping | Status::Stopped => Self::Stopped,
            Status::Pending | Status::Placing | Status::Filling | Status::Starting | Status::Running => Self::Restarted,
        }
    }
}

/// What a row says that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Where.
    pub server: ServerId,
    /// Which generation.
    pub generation: u64,
    /// What it holds.
    pub resources: Resources,
}

impl Running {
    /// What runs, unless the row says that nothing does.
    pub fn of(row: &Workspace) -> Option<Self> {
        let server = row.desired.server.filter(|_| row.observed.status == Status::Running)?;
        Some(Self { server, generation: row.observed.generation, resources: row.desired.claimed.resources })
    }
}

/// One running interval of a workspace.
///
/// A store writes it in the very change that makes the row say `running`, or something else
/// ([`StateStore`](crate::port::StateStore)): an interval is open exactly while the row says running, and the intervals
/// of one workspace never overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageInterval {
    /// Of which workspace.
    pub workspace: WorkspaceId,
    /// Its number among the workspace's, from 1 on.
    pub seq: u64,
    /// Whose it was.
    pub owner: OwnerId,
    /// What ran, and where.
    pub running: Running,
    /// From when.
    pub began: Timestamp,
    /// Until when, and how it ended; `None` while it runs.
    pub ended: Option<(Timestamp, UsageEnd)>,
}

impl UsageInterval {
    /// The next interval of a workspace after its last: never before that ended, whatever a master's clock says.
    pub fn next(last: Option<&Self>, row: &Workspace, running: Running, at: Timestamp) -> Self {
        let earliest = last.map(|last| last.ended.map_or(last.began, |(ended, _)| ended));
        Self {
            workspace: row.id,
            seq: last.map_or(0, |last| last.seq) + 1,
            owner: row.owner.clone(),
            running,
            began: earliest.map_or(at, |earliest| at.max(earliest)),
            ended: None,
        }
    }

    /// Ends it: never before it began, whatever a master's clock says.
    pub fn end(&mut self, row: &Workspace, at: Timestamp) {
        self.ended = Some((at.max(self.began), UsageEnd::of(row)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_a_name_of_its_own() {
        for end in UsageEnd::ALL {
            assert_eq!(serde_json::to_value(end).unwrap(), end.name());
        }
    }
}
