//! What workspaces had while they ran.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use workspace_core::clock::Timestamp;
use workspace_core::model::UsageInterval;
use workspace_core::orchestrator::{self, UsageSum, UsageWindow};

use super::Resources;

/// Which part of the past.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowQuery {
    /// From then on (RFC 3339); from the beginning when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Until then (RFC 3339), which is not counted; until now when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

impl From<WindowQuery> for UsageWindow {
    fn from(query: WindowQuery) -> Self {
        Self { from: query.from, to: query.to }
    }
}

/// What was reserved while it ran, times seconds.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "over the wire each says its unit")]
pub(crate) struct UsageAmounts {
    running_seconds: f64,
    cpu_seconds: f64,
    memory_gib_seconds: f64,
    gpu_seconds: f64,
}

impl From<UsageSum> for UsageAmounts {
    fn from(sum: UsageSum) -> Self {
        Self {
            running_seconds: sum.running_seconds(),
            cpu_seconds: sum.cpu_seconds(),
            memory_gib_seconds: sum.memory_gib_seconds(),
            gpu_seconds: sum.gpu_seconds(),
        }
    }
}

/// What workspaces had in a window.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
pub(crate) struct Usage {
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Never later than now.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    #[serde(flatten)]
    total: UsageAmounts,
    /// Each workspace that ran in the window, also those that are gone.
    workspaces: Vec<OfWorkspace>,
}

/// What one workspace had.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageOfWorkspace)]
struct OfWorkspace {
    workspace: Uuid,
    owner: String,
    #[serde(flatten)]
    sum: UsageAmounts,
}

impl From<orchestrator::Usage> for Usage {
    fn from(usage: orchestrator::Usage) -> Self {
        let each = usage.workspaces.into_iter().map(|(id, (owner, sum))| OfWorkspace {
            workspace: id.as_uuid(),
            owner: owner.as_str().to_owned(),
            sum: sum.into(),
        });
        Self { from: usage.from, to: usage.to, total: usage.total.into(), workspaces: each.collect() }
    }
}

/// What one workspace had in a window, and when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceUsage {
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Never later than now.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    #[serde(flatten)]
    total: UsageAmounts,
    /// What touches the window, in order, each as a whole.
    intervals: Vec<Interval>,
}

/// A workspace ran.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageInterval)]
struct Interval {
    server: Uuid,
    generation: u64,
    /// What it held.
    resources: Resources,
    #[schema(value_type = String, format = DateTime)]
    began: Timestamp,
    /// Null while it runs.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended: Option<Timestamp>,
    /// `stopped`, `deleted`, `restarted`, `failed` or `lost`; null while it runs.
    ended_by: Option<&'static str>,
}

impl From<(orchestrator::Usage, Vec<UsageInterval>)> for WorkspaceUsage {
    fn from((usage, intervals): (orchestrator::Usage, Vec<UsageInterval>)) -> Self {
        let intervals = intervals.into_iter().map(|one| Interval {
            server: one.running.server.as_uuid(),
            generation: one.running.generation,
            resources: one.running.resources.into(),
            began: one.began,
            ended: one.ended.map(|(ended, _)| ended),
            ended_by: one.ended.map(|(_, end)| end.name()),
        });
        Self { from: usage.from, to: usage.to, total: usage.total.into(), intervals: intervals.collect() }
    }
}
