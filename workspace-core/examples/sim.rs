//! Many seeds of the simulator: `SEEDS=10000 make sim`. The last line sums up; exit 1 on a violation.
//!
//! `FIRST` is the first seed (0), `THREADS` how many run at once (all cores). `TABLE=1` prints how often each fault met
//! each call.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use workspace_core::testing::sim::run::{Report, Totals, run_seed};

fn main() -> ExitCode {
    match run() {
        Ok(totals) if totals.violations == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            // Where stderr is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<Totals> {
    let (first, seeds) = (number("FIRST", 0)?, number("SEEDS", 1_000)?);
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let next = AtomicU64::new(first);
    let totals = Mutex::new(Totals::default());
    let worker = || -> io::Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return Ok(());
            }
            let report = run_seed(seed)?;
            if !report.violations.is_empty() {
                complain(&report)?;
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
    if number("TABLE", 0)? > 0 {
        for ((fault, call), count) in &totals.faults {
            let call = call.map_or_else(|| "-".to_owned(), |call| format!("{call:?}"));
            writeln!(out, "{:<14}{call:<18}{count:>10}", format!("{fault:?}"))?;
        }
    }
    writeln!(out, "ghosts={} unknown_volumes={}", totals.ghosts, totals.unknown_volumes)?;
    writeln!(out, "{totals}")?;
    Ok(totals)
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
