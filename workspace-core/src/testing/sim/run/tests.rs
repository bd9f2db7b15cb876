//! Seeds in every test run; `make sim` runs many, and shows the trace of one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::{Report, Totals, run_seed};

/// How many seeds every test run tries.
const SEEDS: u64 = 200;

/// How many of them are run twice.
const TWICE: u64 = 500;

fn complain(report: &Report) -> String {
    format!("seed {}: {:#?}\nrepeat it with: {}", report.seed, report.violations, report.repeat())
}

/// Does something for every seed below `most`, on all cores; what it answers is gathered.
fn for_seeds(most: u64, run: impl Fn(u64) -> Option<String> + Sync) -> Vec<String> {
    let (next, answers) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let worker = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= most {
            return;
        }
        let answer = run(seed);
        answers.lock().unwrap().extend(answer);
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    answers.into_inner().unwrap()
}

#[test]
fn seeds() {
    let totals = Mutex::new(Totals::default());
    let broken = for_seeds(SEEDS, |seed| {
        let report = run_seed(seed).unwrap();
        totals.lock().unwrap().add(&report);
        (!report.violations.is_empty()).then(|| complain(&report))
    });
    let totals = totals.into_inner().unwrap();
    println!("{totals}");
    assert!(broken.is_empty(), "{} seeds broke:\n{}", broken.len(), broken.join("\n"));
    let surprising = totals.coverage().surprising();
    assert!(surprising.is_empty(), "said to be impossible: {surprising:?}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let differ = for_seeds(TWICE, |seed| {
        let [first, second] = [(); 2].map(|()| run_seed(seed).unwrap());
        (first.trace_hash != second.trace_hash).then(|| format!("seed {seed}"))
    });
    assert!(differ.is_empty(), "two runs differ: {differ:?}");
}
