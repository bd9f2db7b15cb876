//! Workspaces as they are shown.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::clock::Timestamp;
use workspace_core::model;
use workspace_core::orchestrator::Template;
use workspace_core::port;

use super::mirror::mirror;
use super::{Failover, HealthWish, Placement, Reason, Resources, Restart, Timespan};

mirror! {
    /// What the owner wants.
    Intent = model::Intent { Running, Stopped, Deleted }
}

mirror! {
    /// What a workspace does, in one word. `running`, `stopped`, `deleted`, `lost` and `error` are at rest.
    Status = model::Status {
        Pending, Placing, Filling, Starting, Running, Stopping, Stopped, Deleting, Deleted, Lost, Error,
    }
}

mirror! {
    /// How well a running workspace does.
    Health = model::Health { Unknown, Starting, Healthy, Unhealthy }
}

mirror! {
    /// How much a workspace is trusted.
    Profile = port::Profile {
        /// User 1000:1000, no capability, no new privileges.
        Strict,
        /// Root inside.
        Dev,
    }
}

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Workspace {
    id: Uuid,
    name: String,
    owner: String,
    project: Uuid,
    /// The name of the server where it is.
    server: Option<String>,
    server_id: Option<Uuid>,
    r#type: Option<String>,
    image: String,
    command: Vec<String>,
    env: BTreeMap<String, String>,
    ports: Vec<u16>,
    resources: Resources,
    restart: Restart,
    failover: Failover,
    placement: Placement,
    labels: BTreeMap<String, String>,
    #[schema(value_type = Option<String>, example = "30m")]
    idle_timeout: Option<Timespan>,
    #[schema(value_type = Option<String>, example = "8h")]
    ttl: Option<Timespan>,
    intent: Intent,
    status: Status,
    health: Health,
    /// How that is told; null where what runs is healthy.
    health_check: Option<HealthWish>,
    /// Grows with each new container.
    generation: u64,
    /// Grows with each edit: the ETag.
    pub(crate) revision: u64,
    /// Where it is reached from outside.
    url: Option<String>,
    /// Why it is in `error`.
    error: Option<Reason>,
    /// Why it does not get on; it tries again.
    waiting: Option<Reason>,
    /// Whether an edit waits for the next start.
    pending_restart: bool,
    /// How often in a row it was started again after it ended by itself.
    restarts: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl Workspace {
    /// The row, with the name of its server.
    pub(crate) fn new(row: model::Workspace, server_name: Option<String>) -> Self {
        let pending_restart = row.desired.is_pending_restart();
        let model::Desired { name, project, spec, intent, generation, server, placement, .. } = row.desired;
        let observed = row.observed;
        Self {
            id: row.id.as_uuid(),
            name,
            owner: row.owner.as_str().to_owned(),
            project: project.as_uuid(),
            server: server_name,
            server_id: server.map(|server| server.as_uuid()),
            r#type: spec.template,
            image: spec.image,
            command: spec.command,
            env: spec.env,
            ports: spec.ports,
            resources: spec.resources.into(),
            restart: spec.restart.into(),
            failover: spec.failover.into(),
            placement: Placement::new(placement, spec.placement),
            labels: spec.labels,
            idle_timeout: spec.idle_timeout_seconds.map(Into::into),
            ttl: spec.ttl_seconds.map(Into::into),
            intent: intent.into(),
            status: observed.status.into(),
            health: observed.health.into(),
            health_check: spec.health.map(Into::into),
            generation,
            revision: row.revision,
            url: None,
            error: observed.error.map(Into::into),
            waiting: observed.waiting.map(Into::into),
            pending_restart,
            restarts: observed.restarts,
            started_at: observed.started_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A kind of workspace of the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceType {
    /// What requests give as `type`.
    name: String,
    image: String,
    command: Vec<String>,
    ports: Vec<u16>,
    resources: Resources,
    profile: Profile,
}

impl WorkspaceType {
    pub(crate) fn new(name: &str, template: &Template) -> Self {
        let Template { image, command, ports, resources, profile } = template.clone();
        Self { name: name.to_owned(), image, command, ports, resources: resources.into(), profile: profile.into() }
    }
}
