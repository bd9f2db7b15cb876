//! Many seeds of the simulator: `make sim SEEDS=10000`. Prints how often each fault met each call; the last line sums
//! up. Exit 1 on a violation, and from 10,000 seeds on when a fault met a call less than ten times.
//!
//! `SEED=n` runs one seed and prints its trace. `FIRST` is the first of many (0), `THREADS` how many run at once (all
//! cores), `TABLE=0` leaves the table out, `STOP=1` ends at the first seed that breaks, `TWICE=1` runs each seed twice
//! and compares the traces.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use workspace_core::testing::sim::run::{Report, Totals, run_seed};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where stderr is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// From this many seeds on every fault must have met every call that it can meet.
const MANY: u64 = 10_000;
/// So often.
const LEAST: u64 = 10;

fn run() -> io::Result<bool> {
    if let Ok(seed) = std::env::var("SEED") {
        return one(seed.parse().map_err(|_| io::Error::other(format!("SEED must be a number, not {seed:?}")))?);
    }
    let (first, seeds) = (number("FIRST", 0)?, number("SEEDS", 1_000)?);
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let next = AtomicU64::new(first);
    let (stop, twice) = (number("STOP", 0)? > 0, number("TWICE", 0)? > 0);
    let totals = Mutex::new(Totals::default());
    let worker = || -> io::Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return Ok(());
            }
            let report = run_seed(seed)?;
            if twice && run_seed(seed)?.trace_hash != report.trace_hash {
                return Err(io::Error::other(format!("seed {seed}: two runs differ")));
            }
            if !report.violations.is_empty() {
                complain(&report)?;
                if stop {
                    next.store(first + seeds, Ordering::Relaxed);
                }
            }
            totals.lock().map_err(|_| io::Error::other("another thread failed"))?.add(&report);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..number("THREADS", cores)?).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| io::Error::other("a thread failed"))?)
    })?;
    let totals = totals.into_inner().map_err(|_| io::Error::other("a thread failed"))?;
    let mut out = io::stdout().lock();
    let coverage = totals.coverage();
    if number("TABLE", 1)? > 0 {
        writeln!(out, "{coverage}")?;
    }
    let mut fine = totals.violations == 0;
    for (fault, call, count) in coverage.surprising() {
        fine = false;
        writeln!(out, "{fault:?} is said never to meet {call:?}, and did {count} times")?;
    }
    for (fault, call, count) in coverage.thin(LEAST).into_iter().filter(|_| seeds >= MANY) {
        fine = false;
        writeln!(out, "{fault:?} met {call:?} only {count} times, at least {LEAST} are wanted")?;
    }
    writeln!(out, "ghosts={} unknown_volumes={}", totals.ghosts, totals.unknown_volumes)?;
    writeln!(out, "{totals}")?;
    Ok(fine)
}

/// One seed with its trace.
fn one(seed: u64) -> io::Result<bool> {
    let report = run_seed(seed)?;
    let mut out = io::stdout().lock();
    for line in &report.trace {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "trace sha256 {}", report.trace_hash)?;
    drop(out);
    if !report.violations.is_empty() {
        complain(&report)?;
    }
    Ok(report.violations.is_empty())
}

fn complain(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "seed {} broke:", report.seed)?;
    for violation in &report.violations {
        writeln!(out, "  {violation}")?;
    }
    writeln!(out, "  repeat it with: {}", report.repeat())
}

fn number(name: &str, default: u64) -> io::Result<u64> {
    std::env::var(name).map_or(Ok(default), |text| {
        text.parse().map_err(|_| io::Error::other(format!("{name} must be a number, not {text:?}")))
    })
}
