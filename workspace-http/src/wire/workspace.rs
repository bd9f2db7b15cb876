//! Workspaces as owners send them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::error::{Error, Result};
use workspace_core::id::{OwnerId, ProjectId};
use workspace_core::model::{self, RestartSpec, WorkspaceSpec};
use workspace_core::orchestrator::NewWorkspace;

use super::mirror::mirror;
use super::{Amounts, HealthWish, PlacementWish, Timespan};

mirror! {
    /// When a workspace that ended by itself is started again.
    RestartPolicy = model::RestartPolicy { Never, OnFailure, Always }
}

mirror! {
    /// What happens to a workspace whose server is lost.
    Failover = model::Failover {
        /// Nothing until somebody says so.
        Manual,
        /// It is made anew elsewhere from its newest snapshot.
        Auto,
    }
}

/// How often a workspace that ended by itself is started again.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Restart {
    policy: RestartPolicy,
    /// At most this often in a row.
    max: u32,
}

impl Default for Restart {
    fn default() -> Self {
        RestartSpec::default().into()
    }
}

impl From<RestartSpec> for Restart {
    fn from(spec: RestartSpec) -> Self {
        Self { policy: spec.policy.into(), max: spec.max }
    }
}

impl From<Restart> for RestartSpec {
    fn from(restart: Restart) -> Self {
        Self { policy: restart.policy.into(), max: restart.max }
    }
}

/// A workspace to make. `image` or `type` is needed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWorkspace)]
pub(crate) struct WorkspaceBody {
    /// The name, unique per owner: 1 to 63 characters of `a-z 0-9 . _ -`.
    #[serde(default)]
    #[schema(required, example = "hello-1")]
    name: String,
    /// For whom; only administrators act for others.
    owner: Option<String>,
    /// A kind of workspace of the configuration: what it says is taken where this body says nothing.
    r#type: Option<String>,
    /// The id of the project to mount at `/workspace`; an unnamed one is made when absent.
    project: Option<Uuid>,
    #[schema(example = "workspace-base")]
    image: Option<String>,
    /// The program and its arguments; what the image says when absent.
    #[schema(example = json!(["sleep", "infinity"]))]
    command: Option<Vec<String>>,
    /// The environment of the program. Never for secrets.
    env: Option<BTreeMap<String, String>>,
    /// TCP ports to publish on the server's own address.
    ports: Option<Vec<u16>>,
    resources: Option<Amounts>,
    restart: Option<Restart>,
    /// How to tell that it is well; without it what runs is.
    health: Option<HealthWish>,
    failover: Option<Failover>,
    placement: Option<PlacementWish>,
    /// The owner's own labels.
    labels: Option<BTreeMap<String, String>>,
    /// Stopped after this long without use; never when absent.
    #[schema(value_type = Option<String>, example = "30m")]
    idle_timeout: Option<Timespan>,
    /// Deleted this long after it was made; never when absent.
    #[schema(value_type = Option<String>, example = "8h")]
    ttl: Option<Timespan>,
}

impl WorkspaceBody {
    pub(crate) fn into_new(self) -> Result<NewWorkspace> {
        let spec = WorkspaceSpec {
            template: self.r#type,
            image: self.image.unwrap_or_default(),
            command: self.command.unwrap_or_default(),
            env: self.env.unwrap_or_default(),
            ports: self.ports.unwrap_or_default(),
            resources: self.resources.unwrap_or_default().into(),
            restart: self.restart.unwrap_or_default().into(),
            health: self.health.map(HealthWish::into_spec).transpose()?,
            failover: self.failover.map(Into::into).unwrap_or_default(),
            placement: self.placement.unwrap_or_default().into(),
            labels: self.labels.unwrap_or_default(),
            idle_timeout_seconds: seconds("idle_timeout", self.idle_timeout)?,
            ttl_seconds: seconds("ttl", self.ttl)?,
        };
        Ok(NewWorkspace {
            name: self.name,
            owner: self.owner.map(OwnerId::new),
            project: self.project.map(ProjectId::from_uuid),
            spec,
        })
    }
}

/// A length of time that is not zero.
pub(super) fn seconds(field: &str, span: Option<Timespan>) -> Result<Option<u64>> {
    match span.map(Timespan::seconds) {
        Some(0) => Err(Error::invalid(field, "the time must be at least a second").hint("send null for never")),
        seconds => Ok(seconds),
    }
}
