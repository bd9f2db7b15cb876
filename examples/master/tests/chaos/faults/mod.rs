//! The scenarios: what goes wrong, and what is demanded after it.

pub(crate) mod daemons;
pub(crate) mod kills;
pub(crate) mod lost;
pub(crate) mod objects;
pub(crate) mod parts;
pub(crate) mod replies;
pub(crate) mod steps;

use std::time::{Duration, Instant};

use crate::engines::engines;
use crate::rig::Rig;
use crate::verdict::{RAW, Verdict};

/// How long what is held down is held down.
pub(crate) const HELD: Duration = Duration::from_secs(30);

/// How much is asked of a scenario, and what the same takes without a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// So many starts.
    pub(crate) starts: usize,
    /// Workspaces that run before.
    pub(crate) residents: usize,
    /// What so many starts take.
    pub(crate) raw: Duration,
    /// What one start takes.
    pub(crate) raw_one: Duration,
    /// Whether there is time for the rare ways too.
    pub(crate) full: bool,
}

/// Nothing goes wrong: what the others are measured by.
pub(crate) fn raw(plan: &Plan) -> Verdict {
    let rig = Rig::new(RAW, engines()[..2].to_vec());
    let begun = Instant::now();
    rig.starts("one", 1, || ());
    let mut verdict = Verdict::default();
    rig.settled(&mut verdict, begun);
    verdict.raw = verdict.after_heal;
    let begun = Instant::now();
    rig.starts("start", plan.starts, || ());
    rig.settled(&mut verdict, begun);
    rig.kept(&mut verdict);
    rig.deleted(&mut verdict);
    rig.master.end();
    verdict
}

/// Starts in the middle of which something happens to the servers or to the master. `fault` returns when all is well.
fn amid_starts(name: &str, plan: &Plan, fault: impl FnOnce(&Rig)) -> Verdict {
    let rig = Rig::new(name, engines()[..2].to_vec());
    amid_starts_of(&rig, plan, fault)
}

fn amid_starts_of(rig: &Rig, plan: &Plan, fault: impl FnOnce(&Rig)) -> Verdict {
    let residents = rig.residents(plan.residents);
    let mut healed = Instant::now();
    rig.starts("start", plan.starts, || {
        rig.note("begins");
        std::thread::scope(|scope| {
            for name in &residents {
                let client = rig.client.clone();
                scope.spawn(move || client.write(name, "kept/during", "written while it went wrong"));
            }
            fault(rig);
        });
        rig.note("is over");
        healed = Instant::now();
    });
    let verdict = rig.judged(healed, plan.raw);
    rig.master.end();
    verdict
}
