//! What a run gave.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::testing::sim::run::coverage::Coverage;
use crate::testing::sim::{Fault, PortCall};

/// What one seed gave.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Calls of ports.
    pub steps: u64,
    /// What went wrong on purpose, by kind and by the call that it met; `None` for what meets no call.
    pub faults: BTreeMap<(Fault, Option<PortCall>), u64>,
    /// How long it took by the world's clock.
    pub virtual_time: Duration,
    /// What must never happen and did.
    pub violations: Vec<String>,
    /// SHA-256 of the whole trace: equal for equal seeds.
    pub trace_hash: String,
    /// The last lines of the trace.
    pub trace: Vec<String>,
    /// Programs that were started by a request whose caller had given up.
    pub ghosts: u64,
    /// Volumes without a project at the end: a known gap, counted until volumes are swept.
    pub unknown_volumes: u64,
}

impl Report {
    /// The line that repeats this run.
    pub fn repeat(&self) -> String {
        format!("make sim SEED={}", self.seed)
    }
}

/// What many seeds gave.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How many seeds.
    pub seeds: u64,
    /// Calls of ports.
    pub steps: u64,
    /// What went wrong on purpose, by kind and by the call that it met.
    pub faults: BTreeMap<(Fault, Option<PortCall>), u64>,
    /// By the worlds' clocks.
    pub virtual_time: Duration,
    /// What must never happen and did.
    pub violations: u64,
    /// Programs that were started by a request whose caller had given up.
    pub ghosts: u64,
    /// Volumes without a project at the end.
    pub unknown_volumes: u64,
}

impl Totals {
    /// Adds what one seed gave.
    pub fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.steps += report.steps;
        for (&fault, &count) in &report.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        self.virtual_time += report.virtual_time;
        self.violations += report.violations.len() as u64;
        self.ghosts += report.ghosts;
        self.unknown_volumes += report.unknown_volumes;
    }

    /// How often each fault met each call.
    pub fn coverage(&self) -> Coverage {
        Coverage::of(&self.faults)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seeds, steps, violations) = (self.seeds, self.steps, self.violations);
        let faults: u64 = self.faults.values().sum();
        let hours = self.virtual_time.as_secs_f64() / 3_600.0;
        write!(f, "seeds={seeds} steps={steps} faults={faults} virtual_hours={hours:.1} violations={violations}")
    }
}
