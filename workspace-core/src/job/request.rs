//! What a job is asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{ProjectId, SnapshotId};
use crate::model::{GitAccess, SnapshotProfile};
use crate::secret::Secret;

/// The version of the protocol.
const VERSION: u32 = 1;

/// One line of JSON on a job's stdin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// The version of the protocol; a worker refuses what it does not know.
    pub version: u32,
    /// The folder with the data.
    pub tree: String,
    /// The folder for what makes the next snapshot of the same data take less; it may be missing. Never given to a job
    /// with an agent: the next snapshot believes what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<String>,
    /// The limit on the wall clock, in seconds; what is under way then fails with `time_limit`.
    pub time_limit_seconds: u64,
    /// What to do, one after the other. A step that fails ends none of the others, but for one that fills the tree:
    /// what comes after it, until another fills it, would work on half of the data.
    pub steps: Vec<JobStep>,
}

/// One step of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum JobStep {
    /// Runs an agent in the tree.
    Agent(AgentStep),
    /// Fills the tree from git; what an earlier attempt left there is removed first.
    Clone(GitRemote),
    /// Brings what is new into the tree.
    Pull(GitRemote),
    /// Commits what changed, and pushes it when a remote is given. Two reports: `commit` and `push`.
    Push {
        /// Where to.
        remote: Option<GitRemote>,
        /// The branch to commit on, made when it is new; the current one when absent.
        branch: Option<String>,
        /// What to say of the commit.
        message: String,
        /// Who commits.
        author: GitAuthor,
    },
    /// Writes the tree to object storage.
    Snapshot {
        /// Where the storage is and how to get in: what the worker's storage takes, as JSON.
        storage: Secret,
        /// Which snapshot.
        place: SnapshotPlace,
        /// What is part of it.
        profile: SnapshotProfile,
        /// What to say of it.
        message: String,
    },
    /// Reads every byte of a snapshot and checks it.
    Verify {
        /// Where the storage is and how to get in.
        storage: Secret,
        /// Which snapshot.
        place: SnapshotPlace,
    },
    /// Removes a snapshot; one that is not there is removed already.
    Delete {
        /// Where the storage is and how to get in.
        storage: Secret,
        /// Which snapshot.
        place: SnapshotPlace,
    },
    /// Writes a snapshot into the tree.
    Restore {
        /// Where the storage is and how to get in.
        storage: Secret,
        /// Which snapshot.
        place: SnapshotPlace,
        /// Whether what is there stays; else what an earlier attempt left is removed first.
        merge: bool,
        /// Whether it is only told what would change.
        dry_run: bool,
    },
}

impl JobStep {
    /// Whether it fills an empty tree.
    pub const fn fills(&self) -> bool {
        matches!(self, Self::Clone(_) | Self::Restore { merge: false, dry_run: false, .. })
    }

    /// How its git remote lets it in.
    pub const fn access(&self) -> Option<&GitAccess> {
        match self {
            Self::Clone(remote) | Self::Pull(remote) | Self::Push { remote: Some(remote), .. } => {
                remote.access.as_ref()
            }
            _ => None,
        }
    }
}

/// A run of an agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentStep {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// What the program's environment gets: its credentials too.
    pub env: BTreeMap<String, Secret>,
    /// What it is asked to do: on its stdin and, where the system allows, in `WORKSPACE_PROMPT`.
    pub prompt: String,
}

/// A git remote and how to get in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitRemote {
    /// An `https` or `ssh` URL without user name and password.
    pub url: String,
    /// The branch; the remote's default when absent.
    pub branch: Option<String>,
    /// Whether its submodules are filled too.
    #[serde(default)]
    pub submodules: bool,
    /// How it lets us in.
    pub access: Option<GitAccess>,
    /// What the operator allows of addresses and transports: what the worker's git takes, as JSON.
    pub policy: serde_json::Value,
}

/// Who is named in a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitAuthor {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// Which snapshot of which project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotPlace {
    /// Whose data it is.
    pub project: ProjectId,
    /// The generation of the data.
    pub data_generation: u64,
    /// Its id.
    pub id: SnapshotId,
}

impl SnapshotPlace {
    /// The snapshot's name below the project: `<data generation>-<id>`, the generation as 20 digits, so that the
    /// greatest name is the newest (`docs/snapshot-format.md`).
    pub fn version(&self) -> String {
        format!("{:020}-{}", self.data_generation, self.id)
    }
}

impl JobRequest {
    /// A request on this tree.
    pub fn new(tree: impl Into<String>, time_limit_seconds: u64, steps: Vec<JobStep>) -> Self {
        Self { version: VERSION, tree: tree.into(), cache: None, time_limit_seconds, steps }
    }

    /// Whether this worker knows the version.
    pub const fn is_known(&self) -> bool {
        self.version == VERSION
    }

    /// The text of every secret in it, for masking.
    pub fn secrets(&self) -> Vec<&str> {
        let mut secrets = Vec::new();
        for step in &self.steps {
            match step {
                JobStep::Agent(agent) => secrets.extend(agent.env.values().map(Secret::reveal)),
                JobStep::Clone(_) | JobStep::Pull(_) | JobStep::Push { .. } => {
                    secrets.extend(step.access().into_iter().flat_map(GitAccess::secrets).map(Secret::reveal));
                }
                JobStep::Snapshot { storage, .. }
                | JobStep::Restore { storage, .. }
                | JobStep::Verify { storage, .. }
                | JobStep::Delete { storage, .. } => secrets.push(storage.reveal()),
            }
        }
        secrets
    }
}
