//! Which fault met which call how often: a fault that never meets a call tests nothing there.

use std::collections::BTreeMap;
use std::fmt;

use crate::testing::sim::{Fault, PortCall};

/// The calls that no operation of the orchestrator makes.
const NEVER_MADE: [PortCall; 3] = [PortCall::HasImage, PortCall::LoadImage, PortCall::VolumeUsage];

/// Why a fault can never meet a call; `None` when it can.
const fn impossible(fault: Fault, call: PortCall) -> Option<&'static str> {
    match fault {
        Fault::ShutDown | Fault::Died | Fault::OutOfMemory | Fault::Removed | Fault::Stray => {
            Some("strikes masters, programs and disks between calls")
        }
        Fault::StoreBefore | Fault::StoreAfter | Fault::StoreOutage if !call.is_of_store() => {
            Some("strikes the store, which a server's call does not ask")
        }
        Fault::StoreAfter if matches!(call, PortCall::Query) => Some("a query writes nothing that could be kept"),
        Fault::RequestLost
        | Fault::ReplyLost
        | Fault::Broken
        | Fault::Late
        | Fault::Slow
        | Fault::Hang
        | Fault::Crash
        | Fault::DiskFull
        | Fault::SlowStop
        | Fault::ClockSkew
        | Fault::Foreign
            if call.is_of_store() =>
        {
            Some("strikes servers, which a call of the store does not ask")
        }
        Fault::DiskFull if !call.takes_disk() => Some("the call needs no room on the disk"),
        Fault::Foreign if !call.makes() => Some("the call makes nothing that has a name"),
        Fault::SlowStop if !matches!(call, PortCall::StopContainer) => Some("only a stop waits for a program"),
        Fault::ClockSkew if !call.tells_time() => Some("the answer has no time in it"),
        _ => None,
    }
}

/// How often each fault met each call, over all seeds of a run.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    met: BTreeMap<(Fault, PortCall), u64>,
    struck: BTreeMap<Fault, u64>,
}

impl Coverage {
    /// What these counts say; `None` in place of a call is a fault that struck by itself.
    pub fn of(faults: &BTreeMap<(Fault, Option<PortCall>), u64>) -> Self {
        let mut coverage = Self::default();
        for (&(fault, call), &count) in faults {
            match call {
                Some(call) => *coverage.met.entry((fault, call)).or_default() += count,
                None => *coverage.struck.entry(fault).or_default() += count,
            }
        }
        coverage
    }

    /// The cells that are possible and were met less than `least` times.
    pub fn thin(&self, least: u64) -> Vec<(Fault, PortCall, u64)> {
        let cells = made().flat_map(|call| Fault::ALL.map(|fault| (fault, call)));
        let possible = cells.filter(|&(fault, call)| impossible(fault, call).is_none());
        possible.map(|(fault, call)| (fault, call, self.count(fault, call))).filter(|cell| cell.2 < least).collect()
    }

    /// The cells that are said to be impossible and were met.
    pub fn surprising(&self) -> Vec<(Fault, PortCall, u64)> {
        let met = self.met.iter().map(|(&(fault, call), &count)| (fault, call, count));
        met.filter(|&(fault, call, _)| NEVER_MADE.contains(&call) || impossible(fault, call).is_some()).collect()
    }

    fn count(&self, fault: Fault, call: PortCall) -> u64 {
        self.met.get(&(fault, call)).copied().unwrap_or(0)
    }
}

/// The calls that are made.
fn made() -> impl Iterator<Item = PortCall> {
    PortCall::ALL.into_iter().filter(|call| !NEVER_MADE.contains(call))
}

/// The faults that can meet some call.
fn meeting() -> impl Iterator<Item = Fault> {
    Fault::ALL.into_iter().filter(|&fault| made().any(|call| impossible(fault, call).is_none()))
}

impl fmt::Display for Coverage {
    /// A table with a row for each call and a column for each fault that can meet one; `-` is impossible, and why is
    /// below.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<17}", "call")?;
        meeting().try_for_each(|fault| write!(f, "{:>12}", format!("{fault:?}")))?;
        for call in made() {
            write!(f, "\n{:<17}", format!("{call:?}"))?;
            for fault in meeting() {
                match impossible(fault, call) {
                    Some(_) => write!(f, "{:>12}", "-")?,
                    None => write!(f, "{:>12}", self.count(fault, call))?,
                }
            }
        }
        write!(f, "\n{:<17}", "(by itself)")?;
        meeting().try_for_each(|fault| write!(f, "{:>12}", self.struck.get(&fault).copied().unwrap_or(0)))?;
        for fault in Fault::ALL.into_iter().filter(|&fault| meeting().all(|other| other != fault)) {
            let why = impossible(fault, PortCall::Probe).unwrap_or_default();
            write!(f, "\n{fault:?}: {} times; meets no call: {why}", self.struck.get(&fault).copied().unwrap_or(0))?;
        }
        let reasons: BTreeMap<&str, Vec<Fault>> = meeting()
            .flat_map(|fault| made().map(move |call| (fault, call)))
            .fold(BTreeMap::new(), |mut reasons: BTreeMap<&str, Vec<Fault>>, (fault, call)| {
                if let Some(why) = impossible(fault, call) {
                    let faults = reasons.entry(why).or_default();
                    if faults.last() != Some(&fault) {
                        faults.push(fault);
                    }
                }
                reasons
            });
        for (why, faults) in reasons {
            write!(f, "\nimpossible (-): {faults:?}: {why}")?;
        }
        write!(f, "\nno row: {NEVER_MADE:?}: no operation of the orchestrator makes these calls")
    }
}
