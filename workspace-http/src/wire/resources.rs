//! Amounts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use workspace_core::resources;

/// What is asked for; what is 0 or absent is not said.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Amounts {
    /// Thousandths of a processor core.
    #[serde(default)]
    cpu_millis: u64,
    /// Memory in MiB.
    #[serde(default)]
    memory_mib: u64,
    /// Disk in GiB.
    #[serde(default)]
    disk_gib: u64,
    /// Places for workspaces. Only in the capacity of a server; a workspace takes one.
    #[serde(default)]
    slots: u64,
    /// Whole GPUs.
    #[serde(default)]
    gpus: u64,
}

impl From<Amounts> for resources::Resources {
    fn from(amounts: Amounts) -> Self {
        let Amounts { cpu_millis, memory_mib, disk_gib, slots, gpus } = amounts;
        Self { cpu_millis, memory_mib, disk_gib, slots, gpus }
    }
}

/// An amount in every dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Resources {
    /// Thousandths of a processor core.
    cpu_millis: u64,
    /// Memory in MiB.
    memory_mib: u64,
    /// Disk in GiB.
    disk_gib: u64,
    /// Places for workspaces.
    slots: u64,
    /// Whole GPUs.
    gpus: u64,
}

impl From<resources::Resources> for Resources {
    fn from(amounts: resources::Resources) -> Self {
        let resources::Resources { cpu_millis, memory_mib, disk_gib, slots, gpus } = amounts;
        Self { cpu_millis, memory_mib, disk_gib, slots, gpus }
    }
}

/// How far reservations may exceed a server's totals, in percent: 100 is no over-commit.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
pub(crate) struct Overcommit {
    /// Percent of the cores.
    cpu_percent: u32,
    /// Percent of the memory.
    memory_percent: u32,
    /// Percent of the disk.
    disk_percent: u32,
}

impl Default for Overcommit {
    fn default() -> Self {
        resources::Overcommit::default().into()
    }
}

impl From<resources::Overcommit> for Overcommit {
    fn from(overcommit: resources::Overcommit) -> Self {
        let resources::Overcommit { cpu_percent, memory_percent, disk_percent } = overcommit;
        Self { cpu_percent, memory_percent, disk_percent }
    }
}

impl From<Overcommit> for resources::Overcommit {
    fn from(overcommit: Overcommit) -> Self {
        let Overcommit { cpu_percent, memory_percent, disk_percent } = overcommit;
        Self { cpu_percent, memory_percent, disk_percent }
    }
}
