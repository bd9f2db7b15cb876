//! What is seen of a workspace.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::clock::Timestamp;
use workspace_core::port::{self, ContainerState};
use workspace_core::{model, orchestrator};

use super::mirror::mirror;
use super::{BackupPolicy, Health, Intent, Reason, Snapshot, Status};

mirror! {
    /// What a container does.
    ContainerStatus = port::ContainerStatus { Created, Running, Paused, Exited, Dead }
}

/// What is wanted, what was seen, and what the server says now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceStatus {
    id: Uuid,
    intent: Intent,
    status: Status,
    health: Health,
    generation: u64,
    observed: Observed,
    /// What the server says of the container now; null when there is none or the server does not answer.
    container: Option<Container>,
    /// Why the server's word is missing.
    container_error: Option<String>,
    error: Option<Reason>,
    waiting: Option<Reason>,
    pending_restart: bool,
    /// How the data is.
    sync: Option<DataStatus>,
}

/// How a workspace's data is.
#[derive(Debug, Serialize, ToSchema)]
struct DataStatus {
    project: Uuid,
    /// Whether it is there.
    filled: bool,
    backup_policy: BackupPolicy,
    /// The snapshot that the last stop took.
    stop_snapshot: Option<Snapshot>,
}

/// What was last seen.
#[derive(Debug, Serialize, ToSchema)]
struct Observed {
    status: Status,
    health: Health,
    /// The generation of the container that was last started.
    generation: u64,
    restarts: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
}

/// A container as its server tells it.
#[derive(Debug, Serialize, ToSchema)]
struct Container {
    name: String,
    status: ContainerStatus,
    exit_code: Option<i64>,
    out_of_memory: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Where its ports are reached, by port.
    ports: BTreeMap<String, String>,
}

impl From<ContainerState> for Container {
    fn from(state: ContainerState) -> Self {
        Self {
            name: state.name,
            status: state.status.into(),
            exit_code: state.exit_code,
            out_of_memory: state.out_of_memory,
            started_at: state.started_at,
            finished_at: state.finished_at,
            ports: state.ports.into_iter().map(|(port, at)| (port.to_string(), at.to_string())).collect(),
        }
    }
}

impl From<orchestrator::WorkspaceStatus> for WorkspaceStatus {
    fn from(status: orchestrator::WorkspaceStatus) -> Self {
        let model::Workspace { id, desired, observed, .. } = status.workspace;
        Self {
            id: id.as_uuid(),
            intent: desired.intent.into(),
            status: observed.status.into(),
            health: observed.health.into(),
            generation: desired.generation,
            pending_restart: desired.is_pending_restart(),
            observed: Observed {
                status: observed.status.into(),
                health: observed.health.into(),
                generation: observed.generation,
                restarts: observed.restarts,
                started_at: observed.started_at,
            },
            container: status.container.map(Into::into),
            container_error: status.container_error,
            error: observed.error.map(Into::into),
            waiting: observed.waiting.map(Into::into),
            sync: status.project.map(|project| DataStatus {
                project: project.id.as_uuid(),
                filled: project.copy.is_some_and(|copy| copy.filled),
                backup_policy: project.backup.into(),
                stop_snapshot: status.stop_snapshot.map(Into::into),
            }),
        }
    }
}

/// What a running workspace uses now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceStats {
    /// Processor time used so far, in nanoseconds.
    cpu_nanos: u64,
    /// Thousandths of a core used of late.
    cpu_millis: u64,
    /// Memory in use without the page cache.
    memory_bytes: u64,
    /// 0 is no limit.
    memory_limit_bytes: u64,
    /// Processes and threads.
    pids: u64,
    network_rx_bytes: u64,
    network_tx_bytes: u64,
}

impl From<port::ContainerStats> for WorkspaceStats {
    fn from(stats: port::ContainerStats) -> Self {
        Self {
            cpu_nanos: stats.cpu_nanos,
            cpu_millis: stats.cpu_millis,
            memory_bytes: stats.memory_bytes,
            memory_limit_bytes: stats.memory_limit_bytes,
            pids: stats.pids,
            network_rx_bytes: stats.network_rx_bytes,
            network_tx_bytes: stats.network_tx_bytes,
        }
    }
}
