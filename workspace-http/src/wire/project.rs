//! Projects, and moving their data.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::clock::Timestamp;
use workspace_core::error::Error;
use workspace_core::id::{OwnerId, SnapshotId};
use workspace_core::model::{self, ProjectSource};
use workspace_core::orchestrator::{CloneFrom, CloneRequest, NewProject, ProjectPatch, RestoreRequest, SyncWish};
use workspace_core::secret::Secret;

use super::git::{Git, SshKey, git_access};
use super::mirror::mirror;

/// What a project's first copy is filled from: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = ProjectSource)]
pub(crate) enum SourceBody {
    /// A git repository.
    Git(Git),
    /// A snapshot by its id.
    Snapshot(Uuid),
}

/// A project to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProject)]
pub(crate) struct ProjectBody {
    /// The name, unique per owner: 1 to 63 characters of `a-z 0-9 . _ -`.
    #[serde(default)]
    #[schema(required, example = "hello")]
    name: String,
    /// For whom; only administrators act for others.
    owner: Option<String>,
    /// The type of workspaces that it is for; any when absent.
    r#type: Option<String>,
    /// An empty project when absent.
    source: Option<SourceBody>,
}

impl TryFrom<ProjectBody> for NewProject {
    type Error = Error;

    fn try_from(body: ProjectBody) -> Result<Self, Error> {
        let source = match body.source {
            Some(SourceBody::Git(git)) => Some(ProjectSource::Git(git.into_source()?)),
            Some(SourceBody::Snapshot(id)) => Some(ProjectSource::Snapshot(SnapshotId::from_uuid(id))),
            None => None,
        };
        Ok(Self { name: body.name, owner: body.owner.map(OwnerId::new), template: body.r#type, source })
    }
}

/// A clone to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Clone)]
pub(crate) struct CloneBody {
    /// The new project's name, unique per owner: 1 to 63 characters of `a-z 0-9 . _ -`.
    #[serde(default)]
    #[schema(required, example = "hello-2")]
    name: String,
    /// What it gets: the id of one of the project's snapshots, or `newest`; the data as it is now when absent.
    snapshot: Option<String>,
}

impl CloneBody {
    pub(crate) fn into_request(self) -> Result<CloneRequest, Error> {
        let from = match self.snapshot.as_deref() {
            None => CloneFrom::Copy,
            Some("newest") => CloneFrom::Newest,
            Some(id) => CloneFrom::Snapshot(SnapshotId::from_uuid(id.parse().map_err(|_| {
                Error::invalid("snapshot", "this is no id of a snapshot").hint("give an id, `newest`, or nothing")
            })?)),
        };
        Ok(CloneRequest { name: self.name, from })
    }
}

/// What to change of a project; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProjectPatch)]
pub(crate) struct ProjectPatchBody {
    /// A new name. An unnamed project that gets one no longer goes with its workspace.
    name: Option<String>,
    /// The type of workspaces that it is for.
    r#type: Option<String>,
    /// Another token for its git repository; kept sealed, never shown.
    #[schema(value_type = Option<String>, write_only)]
    token: Option<Secret>,
    /// Another key for its git repository; kept sealed, never shown.
    ssh_key: Option<SshKey>,
}

impl TryFrom<ProjectPatchBody> for ProjectPatch {
    type Error = Error;

    fn try_from(body: ProjectPatchBody) -> Result<Self, Error> {
        let git_access = git_access(body.token, body.ssh_key, "")?;
        Ok(Self { name: body.name, template: body.r#type, git_access })
    }
}

/// Another project for a workspace.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MountProject)]
pub(crate) struct MountBody {
    /// The project's id.
    pub(crate) project: Uuid,
}

/// When snapshots of a project are taken without being asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BackupPolicy {
    /// Whenever a workspace with it stops, of everything. What came of it is an event of the workspace.
    on_stop: bool,
}

impl From<model::BackupPolicy> for BackupPolicy {
    fn from(policy: model::BackupPolicy) -> Self {
        Self { on_stop: policy.on_stop }
    }
}

impl From<BackupPolicy> for model::BackupPolicy {
    fn from(policy: BackupPolicy) -> Self {
        Self { on_stop: policy.on_stop }
    }
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Project {
    id: Uuid,
    /// Null for the unnamed one that lives and dies with its workspace.
    name: Option<String>,
    owner: String,
    /// The type of workspaces that it is for; null for any.
    r#type: Option<String>,
    /// Where its data comes from, without secrets.
    #[schema(value_type = Option<Object>)]
    source: Value,
    /// The snapshot that its next first copy is filled from, whatever the source: that of a clone, or the one that all
    /// of its data was put away into when its server was emptied.
    seed: Option<Uuid>,
    /// The server that holds its data; null before the first workspace or agent, and where the data was put away.
    server: Option<String>,
    /// Grows with each copy.
    data_generation: Option<u64>,
    /// Whether the data is there.
    filled: bool,
    backup_policy: BackupPolicy,
    pub(crate) revision: u64,
    #[schema(value_type = String)]
    created_at: Timestamp,
}

impl Project {
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn new(project: model::Project, server: Option<String>) -> Self {
        let source = match &project.source {
            None => Value::Null,
            Some(ProjectSource::Git(git)) => {
                serde_json::json!({ "git": { "url": git.url, "branch": git.branch, "submodules": git.submodules } })
            }
            Some(ProjectSource::Snapshot(id)) => serde_json::json!({ "snapshot": id }),
        };
        Self {
            id: project.id.as_uuid(),
            name: project.name,
            r#type: project.template,
            owner: project.owner.as_str().to_owned(),
            source,
            seed: project.seed.map(|seed| seed.as_uuid()),
            server,
            data_generation: project.copy.as_ref().map(|copy| copy.data_generation),
            filled: project.copy.is_some_and(|copy| copy.filled),
            backup_policy: project.backup.into(),
            revision: project.revision,
            created_at: project.created_at,
        }
    }
}

mirror! {
    /// Which remote.
    SyncKind = workspace_core::orchestrator::SyncKind { Git, Snapshot }
}

mirror! {
    /// Which way.
    SyncDirection = workspace_core::orchestrator::SyncDirection { Pull, Push }
}

mirror! {
    /// How a snapshot comes back.
    RestoreMode = workspace_core::orchestrator::RestoreMode {
        /// Into a new copy that then becomes the current one.
        Replace,
        /// File by file into the current copy: what the snapshot does not have stays.
        Merge,
    }
}

/// Data to move.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Sync)]
pub(crate) struct SyncBody {
    backend: SyncKind,
    direction: SyncDirection,
    /// What to say of the commit or snapshot.
    message: Option<String>,
    /// The branch to commit on and push to, made when it is new; the current one when absent.
    branch: Option<String>,
}

impl SyncBody {
    pub(crate) fn into_wish(self) -> (SyncDirection, SyncWish) {
        let wish = SyncWish {
            kind: self.backend.into(),
            direction: self.direction.into(),
            message: self.message,
            branch: self.branch,
        };
        (self.direction, wish)
    }
}

/// A snapshot to bring back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Restore)]
pub(crate) struct RestoreBody {
    /// The snapshot's id; the newest when absent.
    snapshot: Option<Uuid>,
    /// The newest that was asked for no later than this.
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
    mode: Option<RestoreMode>,
    /// The server by name or id; where the data is now when absent.
    server: Option<String>,
    /// Only tell what would change.
    dry_run: bool,
}

impl From<RestoreBody> for RestoreRequest {
    fn from(body: RestoreBody) -> Self {
        Self {
            snapshot: body.snapshot.map(SnapshotId::from_uuid),
            at: body.at,
            mode: body.mode.map(Into::into).unwrap_or_default(),
            server: body.server,
            dry_run: body.dry_run,
        }
    }
}
