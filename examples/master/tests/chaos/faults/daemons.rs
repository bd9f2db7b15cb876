//! The Docker daemon of a server hangs, dies, or cannot be reached.

use std::thread;
use std::time::Instant;

use super::{HELD, Plan, amid_starts};
use crate::client::sleeper;
use crate::engines::{engines, mend};
use crate::rig::{Rig, eventually};
use crate::verdict::Verdict;

/// It accepts connections and answers nothing, in the middle of starts.
pub(crate) fn paused(plan: &Plan) -> Verdict {
    amid_starts("daemon-paused", plan, |rig| {
        rig.engines[0].signal("-STOP");
        thread::sleep(HELD);
        rig.engines[0].signal("-CONT");
    })
}

/// It is gone with all that it was asked for, and its containers go when it is back.
pub(crate) fn killed(plan: &Plan) -> Verdict {
    amid_starts("daemon-killed", plan, |rig| {
        rig.engines[1].signal("-KILL");
        thread::sleep(HELD / 6);
        mend(engines().len());
    })
}

/// The cable of a server is out: nothing arrives, nobody is told.
pub(crate) fn cut(plan: &Plan) -> Verdict {
    amid_starts("link-down", plan, |rig| {
        rig.engines[1].cut();
        thread::sleep(HELD);
        mend(engines().len());
    })
}

/// It hangs while everything on it is to be deleted: what was given up may be carried out later.
pub(crate) fn paused_amid_deletions(plan: &Plan) -> Verdict {
    let rig = Rig::new("daemon-paused-deletions", engines()[..2].to_vec());
    let count = plan.starts / 2;
    rig.starts("doomed", count, || ());
    for n in 0..plan.residents {
        rig.client.create(&sleeper(&format!("staying-{n}")));
    }
    let mut verdict = Verdict::default();
    rig.settled(&mut verdict, Instant::now());
    thread::scope(|scope| {
        for first in 0..4 {
            let client = rig.client.clone();
            scope.spawn(move || (first..count).step_by(4).for_each(|n| client.delete(&format!("doomed-{n}"))));
        }
        rig.engines[0].signal("-STOP");
        thread::sleep(HELD);
        rig.engines[0].signal("-CONT");
    });
    let healed = Instant::now();
    let gone = || rig.rows().is_ok_and(|rows| rows.len() == plan.residents);
    eventually("what was to be deleted is gone", 2 * HELD + 2 * plan.raw, gone);
    let mut judged = rig.judged(healed, plan.raw);
    judged.wrong.extend(verdict.wrong);
    rig.master.end();
    judged
}
