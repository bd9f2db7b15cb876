//! Seeds in every test run; `make sim` runs many, and shows the trace of one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::{Report, Totals, run_seed};

/// How many seeds a run of the tests of this package tries, each twice: it takes seconds. `make test` tries 500.
const SEEDS: u64 = 15;

fn complain(report: &Report) -> String {
    format!("seed {}: {:#?}\nrepeat it with: {}", report.seed, report.violations, report.repeat())
}

/// What is wrong with a seed: a violation, or two runs that differ.
fn judge(seed: u64, totals: &Mutex<Totals>) -> Option<String> {
    let [first, second] = [(); 2].map(|()| run_seed(seed).unwrap());
    totals.lock().unwrap().add(&first);
    if first.trace_hash != second.trace_hash {
        return Some(format!("seed {seed}: two runs differ"));
    }
    (!first.violations.is_empty()).then(|| complain(&first))
}

#[test]
fn seeds_hold_and_are_the_same_twice() {
    let (next, totals, broken) = (AtomicU64::new(0), Mutex::default(), Mutex::new(Vec::new()));
    let worker = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= SEEDS {
            return;
        }
        let wrong = judge(seed, &totals);
        broken.lock().unwrap().extend(wrong);
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    let (totals, broken) = (totals.into_inner().unwrap(), broken.into_inner().unwrap());
    println!("{totals}");
    assert!(broken.is_empty(), "{} seeds broke:\n{}", broken.len(), broken.join("\n"));
    let surprising = totals.coverage().surprising();
    assert!(surprising.is_empty(), "said to be impossible: {surprising:?}");
}
