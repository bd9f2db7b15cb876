//! What happened in a world: counts, a hash of everything, and what must never happen.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::testing::sim::{Fault, PortCall};

/// How many of the last lines are kept for a report.
const KEPT_LINES: usize = 100_000;
/// How many violations are kept: the first ones matter.
const KEPT_VIOLATIONS: usize = 20;

#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<Pages>);

#[derive(Debug, Default)]
pub(super) struct Pages {
    hash: Sha256,
    pub(super) lines: VecDeque<String>,
    pub(super) steps: BTreeMap<PortCall, u64>,
    pub(super) faults: BTreeMap<(Fault, Option<PortCall>), u64>,
    pub(super) violations: Vec<String>,
    /// Programs that were started by a request whose caller had given up.
    pub(super) ghosts: u64,
}

impl Journal {
    /// Writes a line into the trace.
    pub(super) fn note(&self, at: Duration, line: &dyn Display) {
        let line = format!("{:>9.3} {line}", at.as_secs_f64());
        let mut pages = self.pages();
        pages.hash.update(line.as_bytes());
        if pages.lines.len() == KEPT_LINES {
            pages.lines.pop_front();
        }
        pages.lines.push_back(line);
    }

    pub(super) fn step(&self, call: PortCall) {
        *self.pages().steps.entry(call).or_default() += 1;
    }

    pub(super) fn fault(&self, fault: Fault, call: Option<PortCall>) {
        *self.pages().faults.entry((fault, call)).or_default() += 1;
    }

    pub(super) fn violation(&self, at: Duration, what: &dyn Display) {
        self.note(at, &format_args!("VIOLATION {what}"));
        let mut pages = self.pages();
        let text = format!("{:.3} s: {what}", at.as_secs_f64());
        if pages.violations.len() < KEPT_VIOLATIONS {
            pages.violations.push(text);
        }
    }

    /// The hash of every line so far.
    pub(super) fn hash(&self) -> String {
        let digest = self.pages().hash.clone().finalize();
        digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
