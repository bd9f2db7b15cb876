//! The fleet in one look.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::orchestrator::FleetSummary;

use super::Resources;

/// The fleet in one look.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Fleet {
    /// Its id: the owner label of everything that it makes on servers.
    id: Uuid,
    servers: ServerCounts,
    workspaces: WorkspaceCounts,
    /// What all servers may have reserved.
    totals: Resources,
    reserved: Resources,
    free: Resources,
}

/// How many servers.
#[derive(Debug, Serialize, ToSchema)]
struct ServerCounts {
    total: usize,
    /// By availability.
    by_status: BTreeMap<&'static str, usize>,
    /// By `name=value` of their labels.
    by_label: BTreeMap<String, usize>,
}

/// How many workspaces.
#[derive(Debug, Serialize, ToSchema)]
struct WorkspaceCounts {
    total: usize,
    by_status: BTreeMap<&'static str, usize>,
}

impl From<FleetSummary> for Fleet {
    fn from(summary: FleetSummary) -> Self {
        Self {
            id: summary.fleet.as_uuid(),
            servers: ServerCounts {
                total: summary.servers.values().sum(),
                by_status: summary.servers,
                by_label: summary.labels,
            },
            workspaces: WorkspaceCounts { total: summary.workspaces.values().sum(), by_status: summary.workspaces },
            totals: summary.limits.into(),
            reserved: summary.reserved.into(),
            free: summary.limits.minus(summary.reserved).into(),
        }
    }
}
