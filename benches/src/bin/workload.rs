//! Replays a workload file against strategies: `workload FILE [STRATEGY..] [--masters N] [--svg FILE] [--json FILE]`.
//!
//! Prints a table; `--svg` draws utilisation over time. The form of the file: `Workload::read`. Without a file it
//! makes one up from a seed (`--synthetic SERVERS`).

#![expect(clippy::print_stdout, reason = "a program prints what it found")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use workspace_benches::fleet::broken;
use workspace_benches::placement::dice::Dice;
use workspace_benches::placement::simulate::{Outcome, plot, simulate};
use workspace_benches::placement::synthetic;
use workspace_benches::placement::workload_file::{Arrival, Workload};
use workspace_fleet::error::{Error, Result};
use workspace_fleet::model::StrategyKind;
use workspace_fleet::placement::built_in;

const KINDS: [StrategyKind; 5] = [
    StrategyKind::Spread,
    StrategyKind::BestFit,
    StrategyKind::RoundRobin,
    StrategyKind::Affinity,
    StrategyKind::LeastFragmentation,
];

/// What the command line says.
#[derive(Debug, Default)]
struct Options {
    file: Option<PathBuf>,
    synthetic: Option<usize>,
    strategies: Vec<StrategyKind>,
    /// To how many masters the requests come by turns.
    masters: Option<usize>,
    svg: Option<PathBuf>,
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = options(std::env::args().skip(1))?;
    let workload = match (&options.file, options.synthetic) {
        (Some(file), _) => Workload::read(file)?,
        (None, Some(servers)) => made_up(servers),
        (None, None) => {
            return Err(
                Error::invalid("workload", "no workload file was given").hint("workload FILE, or --synthetic SERVERS")
            );
        }
    };
    println!("{} servers, {} requests", workload.servers.len(), workload.arrivals.len());
    println!(
        "{:<20} {:>7} {:>8} {:>9} {:>9} {:>13} {:>10} {:>8}  refused because",
        "strategy", "placed", "refused", "peak cpu", "peak mem", "first refusal", "imbalance", "servers"
    );
    let kinds = if options.strategies.is_empty() { KINDS.to_vec() } else { options.strategies };
    let masters = options.masters.unwrap_or(1);
    let simulated = kinds.into_iter().map(|kind| simulate(&workload, built_in(kind).as_ref(), masters));
    let outcomes: Vec<Outcome> = simulated.collect();
    outcomes.iter().for_each(print);
    if let Some(path) = options.svg {
        write(&path, &plot(&outcomes))?;
    }
    if let Some(path) = options.json {
        let figures = Value::Array(outcomes.iter().map(Outcome::json).collect());
        write(&path, &format!("{figures:#}\n"))?;
    }
    Ok(())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| Error::invalid(argument.clone(), "the option needs a value"));
        match argument.as_str() {
            "--svg" => options.svg = Some(value()?.into()),
            "--json" => options.json = Some(value()?.into()),
            "--synthetic" => options.synthetic = Some(number("--synthetic", &value()?)?),
            "--masters" => options.masters = Some(number("--masters", &value()?)?),
            name => match KINDS.into_iter().find(|&kind| built_in(kind).name() == name) {
                Some(kind) => options.strategies.push(kind),
                None if options.file.is_none() => options.file = Some(name.into()),
                None => return Err(Error::invalid("strategy", format!("no strategy is called {name:?}"))),
            },
        }
    }
    Ok(options)
}

fn number(option: &'static str, text: &str) -> Result<usize> {
    text.parse().map_err(|error| Error::invalid(option, "not a number").source(error))
}

/// Requests of the churn with lifetimes, at 110 % of the cores on average.
fn made_up(servers: usize) -> Workload {
    let mut dice = Dice::new(7);
    let fleet = synthetic::fleet(servers);
    let cores: u64 = fleet.iter().map(|server| server.record.totals.cpu_millis).sum();
    // A request takes 1,875 millicores on average and stays 3,600 seconds.
    let per_hour = usize::try_from(cores * 11 / 10 / 1_875).unwrap_or(0);
    let mut arrivals: Vec<Arrival> = synthetic::requests(per_hour * 3, None, &mut dice)
        .into_iter()
        .map(|kind| {
            let at = u64::try_from(dice.below(3 * 3_600)).unwrap_or(0);
            let lifetime = 600 + u64::try_from(dice.below(6_000)).unwrap_or(0);
            Arrival { at, until: Some(at + lifetime), request: kind.request }
        })
        .collect();
    arrivals.sort_by_key(|arrival| arrival.at);
    Workload { servers: fleet, arrivals }
}

fn print(outcome: &Outcome) {
    let refused: usize = outcome.refused.values().sum();
    let first = outcome.first_refusal.map_or_else(|| "never".to_owned(), |shares| format!("{:.1} % cpu", shares[0]));
    let reasons: Vec<_> = outcome.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
    println!(
        "{:<20} {:>7} {:>8} {:>7.1} % {:>7.1} % {:>13} {:>10.3} {:>8}  {}",
        outcome.strategy,
        outcome.placed,
        refused,
        outcome.peak[0],
        outcome.peak[1],
        first,
        outcome.imbalance,
        outcome.servers_needed,
        reasons.join(", ")
    );
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| broken(format!("{} cannot be written", path.display())).source(error))
}
