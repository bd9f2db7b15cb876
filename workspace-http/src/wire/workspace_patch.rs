//! Edits of workspaces.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use workspace_core::error::Result;
use workspace_core::orchestrator::WorkspacePatch;

use super::workspace::seconds;
use super::{Amounts, Failover, HealthWish, Restart, Timespan};

/// What to change of a workspace; what is absent stays. `image`, `command`, `env`, `ports`, `health` and
/// `resources` take effect with the next start.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WorkspacePatch)]
#[expect(clippy::option_option, reason = "null is never, absent is as it is")]
pub(crate) struct WorkspacePatchBody {
    name: Option<String>,
    /// The owner's own labels, all of them.
    labels: Option<BTreeMap<String, String>>,
    /// Null is never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "30m")]
    idle_timeout: Option<Option<Timespan>>,
    /// Null is never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "8h")]
    ttl: Option<Option<Timespan>>,
    restart: Option<Restart>,
    failover: Option<Failover>,
    image: Option<String>,
    command: Option<Vec<String>>,
    env: Option<BTreeMap<String, String>>,
    ports: Option<Vec<u16>>,
    /// Null is not at all.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<HealthWish>)]
    health: Option<Option<HealthWish>>,
    /// What is 0 or absent stays; the disk cannot change.
    resources: Option<Amounts>,
}

/// Tells null, which means never, from absent, which means as it is.
#[expect(clippy::option_option, reason = "as in the fields")]
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl WorkspacePatchBody {
    pub(crate) fn into_patch(self) -> Result<WorkspacePatch> {
        Ok(WorkspacePatch {
            name: self.name,
            labels: self.labels,
            idle_timeout_seconds: self.idle_timeout.map(|span| seconds("idle_timeout", span)).transpose()?,
            ttl_seconds: self.ttl.map(|span| seconds("ttl", span)).transpose()?,
            restart: self.restart.map(Into::into),
            failover: self.failover.map(Into::into),
            image: self.image,
            command: self.command,
            env: self.env,
            ports: self.ports,
            health: self.health.map(|wish| wish.map(HealthWish::into_spec).transpose()).transpose()?,
            resources: self.resources.map(Into::into),
        })
    }
}
