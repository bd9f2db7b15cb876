//! What a workspace asks for and a server has: whole numbers in five dimensions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in every dimension. All arithmetic is checked or saturating: an amount never wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Thousandths of a processor core.
    pub cpu_millis: u64,
    /// Memory in MiB (2^20 bytes).
    pub memory_mib: u64,
    /// Disk in GiB (2^30 bytes).
    pub disk_gib: u64,
    /// Places for workspaces; every running workspace takes one.
    pub slots: u64,
    /// Whole GPUs.
    pub gpus: u64,
}

/// One of the five kinds of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Thousandths of a processor core.
    Cpu,
    /// MiB of memory.
    Memory,
    /// GiB of disk.
    Disk,
    /// Places for workspaces.
    Slots,
    /// Whole GPUs.
    Gpus,
}

impl Dimension {
    /// Every dimension, in the order in which a refusal names the first that does not fit.
    pub const ALL: [Self; 5] = [Self::Cpu, Self::Memory, Self::Disk, Self::Slots, Self::Gpus];

    /// The name in messages and codes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Slots => "slots",
            Self::Gpus => "gpus",
        }
    }

    /// The unit in messages.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Cpu => "millicores",
            Self::Memory => "MiB",
            Self::Disk => "GiB",
            Self::Slots => "slots",
            Self::Gpus => "GPUs",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Resources {
    /// The amount in one dimension.
    pub const fn get(&self, dimension: Dimension) -> u64 {
        match dimension {
            Dimension::Cpu => self.cpu_millis,
            Dimension::Memory => self.memory_mib,
            Dimension::Disk => self.disk_gib,
            Dimension::Slots => self.slots,
            Dimension::Gpus => self.gpus,
        }
    }

    /// The amounts in the order of [`Dimension::ALL`].
    pub const fn amounts(&self) -> [u64; 5] {
        [self.cpu_millis, self.memory_mib, self.disk_gib, self.slots, self.gpus]
    }

    /// Dimension by dimension.
    #[must_use]
    pub fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            cpu_millis: f(self.cpu_millis, other.cpu_millis),
            memory_mib: f(self.memory_mib, other.memory_mib),
            disk_gib: f(self.disk_gib, other.disk_gib),
            slots: f(self.slots, other.slots),
            gpus: f(self.gpus, other.gpus),
        }
    }

    /// The sum, at most `u64::MAX` in each dimension.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// The difference, at least zero in each dimension.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }

    /// The first dimension in which `self` is more than `room`.
    pub fn first_over(&self, room: &Self) -> Option<Dimension> {
        Dimension::ALL.into_iter().find(|&dimension| self.get(dimension) > room.get(dimension))
    }

    /// Whether nothing is asked for.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// What is given back when a workspace stops: everything but its disk, which stays while the volume exists.
    #[must_use]
    pub const fn without_disk(mut self) -> Self {
        self.disk_gib = 0;
        self
    }

    /// The disk alone.
    #[must_use]
    pub fn only_disk(self) -> Self {
        Self { disk_gib: self.disk_gib, ..Self::default() }
    }
}

/// How far reservations may exceed a server's totals, in percent per dimension: 100 is no over-commit.
///
/// Slots and GPUs are never over-committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overcommit {
    /// Percent of the cores that may be reserved.
    pub cpu_percent: u32,
    /// Percent of the memory that may be reserved.
    pub memory_percent: u32,
    /// Percent of the disk that may be reserved.
    pub disk_percent: u32,
}

impl Default for Overcommit {
    fn default() -> Self {
        Self { cpu_percent: 100, memory_percent: 100, disk_percent: 100 }
    }
}

impl Overcommit {
    /// What may be reserved of these totals.
    pub fn limits(&self, totals: Resources) -> Resources {
        let percent = |amount: u64, percent: u32| amount.saturating_mul(u64::from(percent)) / 100;
        Resources {
            cpu_millis: percent(totals.cpu_millis, self.cpu_percent),
            memory_mib: percent(totals.memory_mib, self.memory_percent),
            disk_gib: percent(totals.disk_gib, self.disk_percent),
            ..totals
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_dimension_that_does_not_fit_is_named() {
        let room = Resources { cpu_millis: 1_000, memory_mib: 512, disk_gib: 10, slots: 1, gpus: 0 };
        assert_eq!(room.first_over(&room), None);
        assert_eq!(Resources { memory_mib: 513, gpus: 1, ..room }.first_over(&room), Some(Dimension::Memory));
    }

    #[test]
    fn amounts_never_wrap() {
        let most = Resources { cpu_millis: u64::MAX, ..Resources::default() };
        assert_eq!(most.plus(most), most);
        assert_eq!(Resources::default().minus(most), Resources::default());
    }

    #[test]
    fn overcommit_leaves_slots_and_gpus_alone() {
        let totals = Resources { cpu_millis: 1_000, memory_mib: 100, disk_gib: 10, slots: 5, gpus: 2 };
        let limits = Overcommit { cpu_percent: 250, ..Overcommit::default() }.limits(totals);
        assert_eq!(limits, Resources { cpu_millis: 2_500, ..totals });
    }
}
