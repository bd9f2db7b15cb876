//! One piece of work beside the data, as it is recorded.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::id::{JobId, OwnerId, ProjectId, SessionId, SnapshotId};
use crate::model::{Fence, Problem, ProjectCopy, SnapshotProfile};
use crate::resources::Resources;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Recorded; whether its program was started is not known.
    Pending,
    /// Its program said that it took the request.
    Running,
    /// Every step did what it should.
    Succeeded,
    /// A step failed, or the program did.
    Failed,
    /// It was lost before its program took the request, or with its server: nobody knows how far it came.
    Interrupted,
    /// It was ended on request.
    Cancelled,
}

impl JobStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Running, Self::Succeeded, Self::Failed, Self::Interrupted, Self::Cancelled];

    /// The name over the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens.
    pub const fn is_finished(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// What is done when an agent ended well; all of it in one job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnSuccess {
    /// Commit what it changed.
    pub commit: bool,
    /// Push the commit.
    pub push: bool,
    /// Take a snapshot.
    pub snapshot: bool,
}

impl OnSuccess {
    /// Whether there is nothing to do.
    pub const fn is_empty(self) -> bool {
        !self.commit && !self.push && !self.snapshot
    }
}

/// Which kind of program an agent is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentKind {
    /// Any program; what it prints are its messages.
    #[default]
    Command,
}

/// One run of an agent. Its credentials are never part of the row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentWork {
    /// What it is asked to do.
    pub prompt: String,
    /// What it is.
    pub kind: AgentKind,
    /// The image that it runs in.
    pub image: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The wall-clock limit.
    pub time_limit_seconds: u64,
    /// What it may use.
    pub resources: Resources,
    /// Whether credentials came with the request: then only the master that has them can start it.
    pub has_credentials: bool,
    /// What is done when it ended well.
    pub on_success: OnSuccess,
}

/// One step of a data job; the steps run one after the other, and one that fails ends none of the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncStep {
    /// Fills an empty copy from the project's git source.
    Clone,
    /// Brings what is new in the project's git source into the copy.
    Pull,
    /// Commits what changed, and pushes it.
    Push {
        /// What to say of the commit.
        message: String,
        /// The branch to commit on and push to; the current one when absent.
        branch: Option<String>,
        /// Whether the commit is pushed too.
        publish: bool,
    },
    /// Writes the copy to object storage.
    Snapshot {
        /// The snapshot's row.
        snapshot: SnapshotId,
        /// What is part of it.
        profile: SnapshotProfile,
        /// What to say of it.
        message: Option<String>,
    },
    /// Reads every byte of a snapshot and checks it. Needs no data.
    Verify {
        /// Which snapshot.
        snapshot: SnapshotId,
    },
    /// Removes a snapshot from object storage. Needs no data.
    Delete {
        /// Which snapshot.
        snapshot: SnapshotId,
    },
    /// Writes a snapshot into the copy.
    Restore {
        /// Which snapshot.
        snapshot: SnapshotId,
        /// Whether files that are there stay; else the copy must be empty.
        merge: bool,
        /// Whether it is only told what would change.
        dry_run: bool,
    },
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Runs an agent.
    Agent(AgentWork),
    /// Moves data.
    Sync(Vec<SyncStep>),
}

impl Work {
    /// Whether it writes into the copy: a project has at most one such job at a time.
    pub fn writes(&self) -> bool {
        match self {
            Self::Agent(_) => true,
            Self::Sync(steps) => steps.iter().any(|step| match step {
                SyncStep::Clone | SyncStep::Pull | SyncStep::Push { .. } => true,
                SyncStep::Restore { dry_run, .. } => !dry_run,
                SyncStep::Snapshot { .. } | SyncStep::Verify { .. } | SyncStep::Delete { .. } => false,
            }),
        }
    }

    /// Whether it works on a project's data, and not in the object storage alone.
    pub fn needs_data(&self) -> bool {
        let apart = |step: &SyncStep| matches!(step, SyncStep::Verify { .. } | SyncStep::Delete { .. });
        !matches!(self, Self::Sync(steps) if !steps.is_empty() && steps.iter().all(apart))
    }

    /// Whether it must not run a second time once its program took the request: what it did cannot be taken back.
    pub fn runs_once(&self) -> bool {
        match self {
            Self::Agent(_) => true,
            Self::Sync(steps) => steps.iter().any(|step| matches!(step, SyncStep::Push { .. })),
        }
    }
}

/// How one step of a job went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Which: `agent`, `clone`, `pull`, `commit`, `push`, `snapshot`, `restore`, `verify` or `delete`.
    pub step: String,
    /// What came of it, a JSON object; null when it failed.
    pub report: Value,
    /// Why it failed.
    pub error: Option<Problem>,
}

/// The row of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its id; names the container `job-<id>`.
    pub id: JobId,
    /// Whose it is.
    pub owner: OwnerId,
    /// Whose data it works on.
    pub project: ProjectId,
    /// The copy that it works on, and so the server.
    pub copy: ProjectCopy,
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// The agent run that it finishes.
    pub finishes: Option<JobId>,
    /// What it does.
    pub work: Work,
    /// How far it is.
    pub status: JobStatus,
    /// Whether it should end.
    pub cancel: bool,
    /// The number of the last event of its program that was taken over.
    pub seen: u64,
    /// How its steps went, so far.
    pub reports: Vec<StepReport>,
    /// Why it failed.
    pub error: Option<Problem>,
    /// Grows with each write.
    pub revision: u64,
    /// The master that drives it.
    pub driver: Fence,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When its program's word that it took the request was heard: its time counts from here.
    #[serde(default)]
    pub accepted_at: Option<Timestamp>,
    /// When it was asked to remove the container of an earlier attempt without hearing that it was: that may still be
    /// carried out, on whatever has its name by then.
    #[serde(default)]
    pub removal: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl Job {
    /// The name of its container.
    pub fn container_name(&self) -> String {
        format!("job-{}", self.id)
    }

    /// What became of a step; `None` when it did not come to it.
    pub fn report(&self, step: &str) -> Option<&StepReport> {
        self.reports.iter().find(|report| report.step == step)
    }
}
