//! `kill -9` of the master in the middle of many starts.

use std::thread;
use std::time::{Duration, Instant};

use super::{Plan, amid_starts};
use crate::rig::{Rig, eventually};
use crate::verdict::Verdict;

/// Three times, each time in the middle of starts, and started again at once.
pub(crate) fn amid(plan: &Plan) -> Verdict {
    let mut resumed = Duration::ZERO;
    let mut verdict = amid_starts("master-killed", plan, |rig| {
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(500));
            rig.master.kill();
            let killed = Instant::now();
            rig.master.start_again();
            let (begun, open) = under_way(rig);
            eventually("starts go on", Duration::from_mins(1), || open == 0 || under_way(rig).0 > begun);
            resumed = resumed.max(killed.elapsed());
        }
    });
    verdict.resumed = Some(resumed);
    verdict.timed()
}

/// How many starts have ended, and how many have not.
fn under_way(rig: &Rig) -> (usize, usize) {
    let rows = rig.rows().unwrap_or_default();
    let open = rows.iter().filter(|row| row["status"] == "pending" || row["status"] == "starting").count();
    (rows.len() - open, open)
}
