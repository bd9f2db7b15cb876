//! What is kept of a container on the disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use workspace_core::clock::Timestamp;
use workspace_core::job::{CACHE, TREE, WORKER};
use workspace_core::port::{ContainerSpec, ContainerStatus};

use crate::process::mark;

/// The file of a container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) command: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) working_dir: Option<String>,
    /// The volume at `/workspace`.
    pub(super) volume: Option<String>,
    /// The volume where a job keeps what the next one builds on.
    #[serde(default)]
    pub(super) cache: Option<String>,
    pub(super) ports: Vec<u16>,
    pub(super) open_stdin: bool,
    pub(super) labels: BTreeMap<String, String>,
    /// The value of the variable by which its processes are found, also after a restart.
    pub(super) mark: String,
    pub(super) status: ContainerStatus,
    pub(super) exit_code: Option<i64>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
}

impl Record {
    pub(super) fn new(spec: &ContainerSpec) -> Self {
        let volume_at =
            |target: &str| spec.mounts.iter().find(|mount| mount.target == target).map(|mount| mount.volume.clone());
        Self {
            command: spec.command.clone(),
            env: spec.env.clone(),
            working_dir: spec.working_dir.clone(),
            volume: volume_at(TREE),
            cache: volume_at(CACHE),
            ports: spec.ports.clone(),
            open_stdin: spec.open_stdin,
            labels: spec.labels.to_map(),
            mark: mark(),
            status: ContainerStatus::Created,
            exit_code: None,
            started_at: None,
            finished_at: None,
        }
    }

    /// Whether its program is the worker's job.
    pub(super) fn is_job(&self) -> bool {
        matches!(self.command.as_slice(), [program, command] if program == WORKER && command == "job")
    }

    /// The variable by which its processes are found, as in their environment.
    pub(super) fn variable(&self) -> String {
        format!("{VARIABLE}={}", self.mark)
    }
}

/// The name of that variable.
pub(super) const VARIABLE: &str = "WORKSPACE_CONTAINER";
