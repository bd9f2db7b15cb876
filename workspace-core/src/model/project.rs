//! A project: the user's data, with one current copy.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::id::{JobId, OwnerId, ProjectId, ServerId, SnapshotId, WorkspaceId};
use crate::model::{GitAccess, Written};

/// Where the data of a project comes from when its first copy is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ProjectSource {
    /// A git repository.
    Git(GitSource),
    /// A snapshot of this or another project of the same owner.
    Snapshot(SnapshotId),
}

/// A git repository to fill a project from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitSource {
    /// An `https` or `ssh` URL without user name and password.
    pub url: String,
    /// The branch; the remote's default when absent.
    #[serde(default)]
    pub branch: Option<String>,
    /// Whether its submodules are filled too.
    #[serde(default)]
    pub submodules: bool,
    /// How it lets us in; nobody in particular when absent. Rows from before there were keys for `ssh` say `token`
    /// here, and have it elsewhere.
    #[serde(default, alias = "token")]
    pub access: Option<GitAccess>,
}

/// The data of a project on one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectCopy {
    /// The server whose disk holds the volume.
    pub server: ServerId,
    /// Grows with each copy; names the volume `vol-<project>-g<data_generation>`.
    pub data_generation: u64,
    /// Whether the volume was filled from the source: a copy that is not filled is never started from.
    pub filled: bool,
    /// The job that fills it, or filled it.
    #[serde(default)]
    pub filled_by: Option<JobId>,
}

/// A job that was given up while its server was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbandonedJob {
    /// The server.
    pub server: ServerId,
    /// The job.
    pub job: JobId,
}

/// Data that may have what no snapshot has: what was on a server that was lost when the data was made anew elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescue {
    /// The copy.
    pub copy: ProjectCopy,
    /// The workspace whose container may still run on it, also when that is deleted by now.
    pub workspace: WorkspaceId,
    /// Who holds what its disk, and what may still run on it, take of its server.
    pub holder: Uuid,
    /// The snapshot that is, or was last, taken of it.
    #[serde(default)]
    pub snapshot: Option<SnapshotId>,
}

/// When snapshots of a project are taken without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupPolicy {
    /// Whenever a workspace with it stops, of everything.
    pub on_stop: bool,
}

/// The snapshot that a stop of a workspace took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedOnStop {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The generation that was stopped: each is saved once.
    pub generation: u64,
    /// The snapshot.
    pub snapshot: SnapshotId,
}

/// The user's data. It belongs to at most one workspace at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Whose it is.
    pub owner: OwnerId,
    /// The name, unique per owner; `None` for the unnamed project that lives and dies with its workspace.
    pub name: Option<String>,
    /// The type of workspaces that it is for; `None` for any.
    #[serde(default)]
    pub template: Option<String>,
    /// Where its first copy comes from; `None` for an empty project.
    pub source: Option<ProjectSource>,
    /// The snapshot that its first copy is filled from, whatever the source: that of a clone, or the one that all of
    /// its data was put away into; then the next copy counts as the first.
    #[serde(default)]
    pub seed: Option<SnapshotId>,
    /// The current copy; `None` before the first.
    pub copy: Option<ProjectCopy>,
    /// Copies that are needed no more, or that never became whole: their volumes are to be removed.
    #[serde(default)]
    pub superseded: Vec<ProjectCopy>,
    /// Former copies that are kept until a snapshot has what is in them.
    #[serde(default)]
    pub rescues: Vec<Rescue>,
    /// Jobs on it that were given up while their servers were away: what may still run of them is removed before
    /// anything else works on the data there.
    #[serde(default)]
    pub abandoned: Vec<AbandonedJob>,
    /// When snapshots are taken without being asked for.
    #[serde(default)]
    pub backup: BackupPolicy,
    /// The snapshot that the last stop of a workspace with it took.
    #[serde(default)]
    pub saved: Option<SavedOnStop>,
    /// The snapshot that is taken so that the data may leave its server.
    #[serde(default)]
    pub leaving: Option<Written>,
    /// The data generation of the copy that was put away last, when all of its data was in [`Project::seed`].
    #[serde(default)]
    pub put_away: u64,
    /// The highest data generation of a copy that was removed. No number up to it is given again: the removal of a
    /// volume may be carried out late, and would take the data of whatever has its name by then.
    #[serde(default)]
    pub removed: u64,
    /// Whether it is to go, with its data: nothing new begins on it.
    #[serde(default)]
    pub deleted: bool,
    /// Grows with each edit.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Project {
    /// A project without data.
    pub fn new(
        id: ProjectId,
        owner: OwnerId,
        name: Option<String>,
        source: Option<ProjectSource>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            owner,
            name,
            template: None,
            source,
            seed: None,
            copy: None,
            superseded: Vec::new(),
            rescues: Vec::new(),
            abandoned: Vec::new(),
            backup: BackupPolicy::default(),
            saved: None,
            leaving: None,
            put_away: 0,
            removed: 0,
            deleted: false,
            revision: 1,
            created_at,
        }
    }

    /// The snapshot that its first copy is filled from.
    pub const fn first_snapshot(&self) -> Option<SnapshotId> {
        match (self.seed, &self.source) {
            (Some(seed), _) => Some(seed),
            (None, Some(ProjectSource::Snapshot(id))) => Some(*id),
            (None, _) => None,
        }
    }

    /// Whether its first copy is empty.
    pub const fn begins_empty(&self) -> bool {
        self.seed.is_none() && self.source.is_none()
    }

    /// Whether it lives and dies with its workspace.
    pub const fn is_unnamed(&self) -> bool {
        self.name.is_none()
    }

    /// Every copy that there is or may be: the current one, former ones, and those that are kept for a rescue.
    pub fn copies(&self) -> impl Iterator<Item = &ProjectCopy> {
        let former = self.superseded.iter().chain(self.rescues.iter().map(|rescue| &rescue.copy));
        former.chain(&self.copy)
    }

    /// The data generation of the copy that will follow.
    pub fn next_data_generation(&self) -> u64 {
        self.copies().map(|copy| copy.data_generation).fold(self.put_away.max(self.removed), u64::max).saturating_add(1)
    }

    /// A copy where there is none, not filled yet.
    pub fn new_copy(&self, server: ServerId) -> ProjectCopy {
        ProjectCopy { server, data_generation: self.next_data_generation(), filled: false, filled_by: None }
    }

    /// The name of the volume of a copy.
    pub fn volume_name(&self, copy: &ProjectCopy) -> String {
        format!("vol-{}-g{}", self.id, copy.data_generation)
    }

    /// The name of the volume of what is kept beside a copy for its next snapshot.
    pub fn cache_name(&self, copy: &ProjectCopy) -> String {
        format!("cache-{}-g{}", self.id, copy.data_generation)
    }
}
