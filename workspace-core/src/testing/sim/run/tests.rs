//! Seeds in every test run. `SIM_SEED=n` runs one and shows its trace.

use super::{Report, Totals, run_seed};

/// How many seeds every test run tries; `SIM_SEEDS` tries others.
const SEEDS: u64 = 200;

fn complain(report: &Report) -> String {
    format!("seed {}: {:#?}\nrepeat it with: {}", report.seed, report.violations, report.repeat())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn seeds() {
    if let Some(seed) = number("SIM_SEED") {
        let report = run_seed(seed).unwrap();
        println!("{}", report.trace.join("\n"));
        assert!(report.violations.is_empty(), "{}", complain(&report));
        return;
    }
    let mut totals = Totals::default();
    let mut broken = Vec::new();
    for seed in 0..number("SIM_SEEDS").unwrap_or(SEEDS) {
        let report = run_seed(seed).unwrap();
        totals.add(&report);
        if !report.violations.is_empty() {
            broken.push(complain(&report));
        }
    }
    println!("{totals}");
    assert!(broken.is_empty(), "{} seeds broke:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..10 {
        let (first, second) = (run_seed(seed).unwrap(), run_seed(seed).unwrap());
        assert_eq!(first.trace_hash, second.trace_hash, "seed {seed}: {:?}", first.trace.last());
    }
}
