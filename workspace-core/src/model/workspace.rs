//! A workspace: what is wanted of it and what was last seen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::id::{OwnerId, ProjectId, ServerId, WorkspaceId};
use crate::label::{LabelRequirements, Labels};
use crate::model::{Fence, HealthSpec, Switch};
use crate::placement::Rejection;
use crate::resources::Resources;

/// What the owner wants of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// It should run.
    Running,
    /// It should not run; its data stays.
    Stopped,
    /// It should be gone.
    Deleted,
}

/// What a workspace does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Recorded, nothing done yet.
    Pending,
    /// Looking for a server.
    Placing,
    /// Its volume is being made and filled.
    Filling,
    /// Its container is being made and started.
    Starting,
    /// Its container runs.
    Running,
    /// Its container is being stopped.
    Stopping,
    /// It does not run; its data is kept.
    Stopped,
    /// It is being removed.
    Deleting,
    /// It is gone; the row is a tombstone.
    Deleted,
    /// Its server is gone.
    Lost,
    /// It does not run, and `error` says why.
    Error,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Placing,
        Self::Filling,
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Deleting,
        Self::Deleted,
        Self::Lost,
        Self::Error,
    ];

    /// The name over the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Placing => "placing",
            Self::Filling => "filling",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Lost => "lost",
            Self::Error => "error",
        }
    }

    /// Whether nothing more happens by itself: the others are transient, and a master drives them on.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Running | Self::Stopped | Self::Deleted | Self::Lost | Self::Error)
    }
}

/// How well a running workspace does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It does not run, or nobody looked.
    #[default]
    Unknown,
    /// It runs, but not long enough to tell.
    Starting,
    /// It runs.
    Healthy,
    /// It runs, but not as it should.
    Unhealthy,
}

/// When a workspace that ended by itself is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartPolicy {
    /// Never.
    Never,
    /// When it ended with a failure.
    #[default]
    OnFailure,
    /// Whenever it ended.
    Always,
}

/// How often a workspace that ended by itself is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestartSpec {
    /// When.
    pub policy: RestartPolicy,
    /// At most this often in a row; a daemon's restart does not count.
    pub max: u32,
}

impl Default for RestartSpec {
    fn default() -> Self {
        Self { policy: RestartPolicy::OnFailure, max: 5 }
    }
}

/// What happens to a workspace whose server is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failover {
    /// Nothing until somebody says so.
    #[default]
    Manual,
    /// It is made anew elsewhere from its newest snapshot.
    Auto,
}

/// The built-in placement strategies by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategyKind {
    /// The server that is least reserved.
    #[default]
    Spread,
    /// The server that is left with the least room.
    BestFit,
    /// The next server in turn.
    RoundRobin,
    /// The server that was asked for, where possible.
    Affinity,
    /// The server where the least GPU becomes out of reach.
    LeastFragmentation,
}

/// Where a workspace should run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlacementSpec {
    /// How to choose; the fleet's default when absent.
    pub strategy: Option<StrategyKind>,
    /// The name or id of the server to prefer.
    pub server: Option<String>,
    /// Whether only that server will do.
    pub required: bool,
    /// What the labels of the server must be.
    pub labels: Labels,
    /// What they must not be.
    pub must_not: Labels,
    /// What they should be.
    pub prefer: Labels,
}

impl PlacementSpec {
    /// The demands on the server's labels.
    pub fn requirements(&self) -> LabelRequirements {
        LabelRequirements { must: self.labels.clone(), must_not: self.must_not.clone(), prefer: self.prefer.clone() }
    }
}

/// What to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceSpec {
    /// The template of the configuration that it was made from.
    #[serde(default)]
    pub template: Option<String>,
    /// The image.
    pub image: String,
    /// The program and its arguments; empty runs what the image says.
    #[serde(default)]
    pub command: Vec<String>,
    /// The environment of the program. Never for secrets: whoever may inspect the container can read it.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// TCP ports of the container to publish on the server's own address.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// What it may use; `slots` is ignored, a running workspace takes one.
    #[serde(default)]
    pub resources: Resources,
    /// When it is started again after it ended by itself.
    #[serde(default)]
    pub restart: RestartSpec,
    /// How to tell that it is well; without it what runs is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthSpec>,
    /// What happens when its server is lost.
    #[serde(default)]
    pub failover: Failover,
    /// Where it should run.
    #[serde(default)]
    pub placement: PlacementSpec,
    /// The owner's own labels; nothing of ours reads them.
    #[serde(default)]
    pub labels: Labels,
    /// Stopped after this many seconds without use.
    #[serde(default)]
    pub idle_timeout_seconds: Option<u64>,
    /// Deleted this many seconds after it was made.
    #[serde(default)]
    pub ttl_seconds: Option<u64>,
}

/// Why a workspace is where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementRecord {
    /// The strategy that chose.
    pub strategy: String,
    /// Why this server.
    pub reason: String,
    /// Why not the others.
    pub rejections: Vec<Rejection>,
}

/// Everything about a workspace that an owner or an operation decides. Edits are guarded by `revision`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The name, unique per owner.
    pub name: String,
    /// The project mounted at `/workspace`.
    pub project: ProjectId,
    /// What to run from the next start on.
    pub spec: WorkspaceSpec,
    /// What the current generation runs: the spec as it was when the generation's capacity was claimed. A generation
    /// never runs anything else.
    pub claimed: WorkspaceSpec,
    /// What the owner wants.
    pub intent: Intent,
    /// Grows with each new container; names it `ws-<workspace>-g<generation>`.
    pub generation: u64,
    /// Where it runs; `None` only after it was released.
    pub server: Option<ServerId>,
    /// The number of its /28 in the server's network range.
    pub network_slot: Option<u32>,
    /// Why there.
    pub placement: PlacementRecord,
    /// What becomes of it as soon as it is stopped.
    #[serde(default)]
    pub switch: Option<Switch>,
    /// Whether its deletion asks no server: that of it will not be back.
    #[serde(default)]
    pub forget: bool,
}

impl Desired {
    /// Whether an edit waits for the next start.
    pub fn is_pending_restart(&self) -> bool {
        let (next, now) = (&self.spec, &self.claimed);
        self.intent == Intent::Running
            && (&next.image, &next.command, &next.env, &next.ports, &next.health, next.resources)
                != (&now.image, &now.command, &now.env, &now.ports, &now.health, now.resources)
    }
}

/// Why something is not as it should be, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The stable code, as in [`crate::error::ErrorKind::code`] or one of the container's own such as `out_of_memory`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl From<&Problem> for Error {
    fn from(problem: &Problem) -> Self {
        // Codes of a program of its own, such as `out_of_memory`, are no kind of ours.
        let kind = ErrorKind::from_code(&problem.code).unwrap_or(ErrorKind::Conflict);
        let error = Self::new(kind, problem.message.clone());
        match &problem.hint {
            Some(hint) => error.hint(hint.clone()),
            None => error,
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self {
            code: error.kind().code().to_owned(),
            message: error.chain(),
            hint: error.next_step().map(str::to_owned),
        }
    }
}

/// Everything about a workspace that was seen rather than decided. Written only by the master that drives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// What it does.
    pub status: Status,
    /// How well.
    pub health: Health,
    /// The generation of the container that was last started.
    pub generation: u64,
    /// Why it is, or is about to be, in `error`.
    pub error: Option<Problem>,
    /// Why it does not get on; it tries again.
    pub waiting: Option<Problem>,
    /// When its container was last started.
    pub started_at: Option<Timestamp>,
    /// How often in a row it was started again after it ended by itself.
    pub restarts: u32,
}

impl Observed {
    /// What is seen of something that was just recorded.
    pub const fn new(status: Status) -> Self {
        Self {
            status,
            health: Health::Unknown,
            generation: 0,
            error: None,
            waiting: None,
            started_at: None,
            restarts: 0,
        }
    }
}

/// The row of a workspace.
///
/// `desired` and `observed` are written by different hands and never overwrite each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What was decided.
    pub desired: Desired,
    /// What was seen.
    pub observed: Observed,
    /// Grows with each edit of `desired`: the ETag.
    pub revision: u64,
    /// The master that drives it.
    pub driver: Fence,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Workspace {
    /// Whether what was seen is what is wanted, or cannot be driven further.
    pub fn is_settled(&self) -> bool {
        match self.observed.status {
            Status::Running => {
                self.desired.intent == Intent::Running && self.observed.generation == self.desired.generation
            }
            Status::Stopped | Status::Error => self.desired.intent == Intent::Stopped && self.desired.switch.is_none(),
            Status::Lost => self.desired.intent != Intent::Deleted,
            Status::Deleted => true,
            _ => false,
        }
    }

    /// The name of the container of a generation.
    pub fn container_name(&self, generation: u64) -> String {
        format!("ws-{}-g{generation}", self.id)
    }

    /// The name of its network.
    pub fn network_name(&self) -> String {
        format!("net-{}", self.id)
    }
}
