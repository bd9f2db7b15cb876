//! Snapshots through a storage that fails, seed by seed: `SEEDS` (200) from `FIRST` (0) on, `SEED=n` for one,
//! `STOP=1` ends at the first that breaks. Exit 1 on a violation.
//!
//! A client takes snapshots of a tree that changes. Requests to the storage are refused, slow, lose their answer, or
//! are the client's last. After each attempt: every snapshot that is there is whole, and restores the tree that it was
//! taken of; every snapshot that was acknowledged is there.

#![expect(clippy::print_stdout, reason = "a program for a shell")]

mod fate;
mod seed;
mod storage;
mod tree;

use std::error::Error;
use std::process::ExitCode;

use seed::run_seed;

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// How many violations there were.
fn run() -> Result<u64, Box<dyn Error>> {
    let (first, seeds) = match number("SEED", None)? {
        Some(seed) => (seed, 1),
        None => (number("FIRST", Some(0))?.unwrap_or(0), number("SEEDS", Some(200))?.unwrap_or(200)),
    };
    let stop = number("STOP", Some(0))?.unwrap_or(0) > 0;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (mut ran, mut snapshots, mut requests, mut faults, mut violations) = (0, 0, 0, 0, 0);
    for seed in first..first + seeds {
        let report = runtime.block_on(run_seed(seed))?;
        (ran, snapshots) = (ran + 1, snapshots + report.snapshots);
        (requests, faults) = (requests + report.requests, faults + report.faults);
        if let Some(violation) = report.violation {
            violations += 1;
            println!("seed {seed} broke:\n  {violation}\n  repeat it with: SEED={seed} snapshot_sim");
            if stop {
                break;
            }
        }
    }
    println!("seeds={ran} snapshots={snapshots} requests={requests} faults={faults} violations={violations}");
    Ok(violations)
}

fn number(name: &str, default: Option<u64>) -> Result<Option<u64>, Box<dyn Error>> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(text.parse().map_err(|_| format!("{name} must be a number, not {text:?}"))?)),
        Err(_) => Ok(default),
    }
}
