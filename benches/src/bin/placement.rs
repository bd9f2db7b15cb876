//! Placement against a tuned baseline, its packing quality on a trace, and durable claims: `make bench-placement`.
//!
//! Prints tables and writes all figures to the file that is its argument (`target/placement.json`). `SERVERS` and
//! `STRATEGIES` (lists with commas), `ROUNDS`: what of the churn is measured. `OPENB_DIR`: the trace. `DATABASE_URL`: a
//! Postgres for claims. `PARTS` (of `churn,openb,claims,masters`): what is measured at all.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use workspace_benches::claims::masters::{Choice, meet};
use workspace_benches::claims::{Database, Figures, Scale, measure as measure_claims};
use workspace_benches::fleet::broken;
use workspace_benches::placement::churn::{Effort, Row, measure};
use workspace_benches::placement::openb::Trace;
use workspace_benches::placement::openb_replay::{Policy, replay};
use workspace_fleet::error::Result;
use workspace_fleet::model::StrategyKind;
use workspace_fleet::placement::built_in;

const STRATEGIES: [StrategyKind; 5] = [
    StrategyKind::Spread,
    StrategyKind::BestFit,
    StrategyKind::RoundRobin,
    StrategyKind::Affinity,
    StrategyKind::LeastFragmentation,
];

/// The longest that one way of claiming is measured.
const LIMIT: Duration = Duration::from_secs(3);

fn main() -> Result<()> {
    let parts = list("PARTS").unwrap_or_else(|| ["churn", "openb", "claims", "masters"].map(str::to_owned).to_vec());
    let wanted = |part: &str| parts.iter().any(|name| name == part);
    let path = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/placement.json".to_owned()));
    let mut figures = Vec::new();
    if wanted("churn") {
        figures.extend(churn());
    }
    if wanted("openb") {
        figures.extend(openb()?);
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| broken("no runtime").source(error))?;
    if wanted("claims") {
        figures.extend(runtime.block_on(claims())?);
    }
    if wanted("masters") {
        figures.extend(runtime.block_on(masters())?);
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| broken("the figures cannot be written").source(error))?;
    }
    let text = format!("{:#}\n", Value::Array(figures));
    std::fs::write(&path, text).map_err(|error| broken("the figures cannot be written").source(error))?;
    println!("\n{}", path.display());
    Ok(())
}

fn list(variable: &str) -> Option<Vec<String>> {
    let text = std::env::var(variable).ok()?;
    Some(text.split(',').map(str::to_owned).collect())
}

fn churn() -> Vec<Value> {
    let sizes: Vec<usize> = list("SERVERS").map_or_else(
        || vec![100, 1_000, 10_000, 100_000],
        |list| list.iter().filter_map(|size| size.parse().ok()).collect(),
    );
    let wanted = list("STRATEGIES");
    let rounds = list("ROUNDS").and_then(|list| list.first()?.parse().ok()).unwrap_or(9);
    println!("churn: release one, place one, at 70 % use; medians of {rounds} rounds in turn with the baseline");
    println!(
        "{:>7}  {:<20} {:>10} {:>8} {:>9} {:>11} {:>7} {:>12} {:>7} {:>8}",
        "servers", "strategy", "ops/s", "p50 ns", "p99 ns", "baseline/s", "times", "rank first/s", "times", "visits"
    );
    let mut figures = Vec::new();
    for servers in sizes {
        for kind in STRATEGIES {
            if wanted.as_ref().is_some_and(|wanted| !wanted.iter().any(|name| name == built_in(kind).name())) {
                continue;
            }
            let slow = kind == StrategyKind::LeastFragmentation && servers > 1_000;
            let operations = if slow { 2_000 } else { 40_000 };
            let row = measure(kind, servers, Effort { rounds, operations, baseline_visits: 20_000_000 });
            print_row(&row);
            figures.push(row.json());
        }
    }
    figures
}

/// Durable claims: what waits is committed together, beside each with a transaction of its own.
async fn claims() -> Result<Vec<Value>> {
    println!(
        "\ndurable claims; beside it a transaction each: on 16 connections at once (SQLite has one), and one at a time\n{}",
        Figures::HEAD
    );
    let mut figures = Vec::new();
    for database in [Database::Sqlite, Database::Postgres] {
        for servers in [1_000, 4] {
            for waiting in [1, 8, 64, 512] {
                for creates in [false, true] {
                    let row = measure_claims(database, Scale { waiting, servers, creates, limit: LIMIT }).await?;
                    println!("{}", row.row());
                    figures.push(row.json());
                }
            }
        }
    }
    Ok(figures)
}

/// Several masters on one database: how often one's claim meets another's.
async fn masters() -> Result<Vec<Value>> {
    println!("\nmasters on one Postgres at 70 % use, 100 servers, 16 callers each: release one, place one");
    let mut figures = Vec::new();
    for masters in [2, 4] {
        let alone = Choice { strategy: StrategyKind::BestFit, parted: false };
        let ways = STRATEGIES.map(|strategy| Choice { strategy, parted: true }).into_iter().chain([alone]);
        for way in ways {
            let row = meet(masters, way, LIMIT).await?;
            println!("{}", row.row());
            figures.push(row.json());
        }
    }
    Ok(figures)
}

/// Fresh seeds: the step of least fragmentation was taken from trials with another simulator before any of these ran.
const SEEDS: std::ops::Range<u64> = 101..111;

/// Published means of ten seeds (USENIX ATC 2023).
const PUBLISHED: [(&str, f64); 6] = [
    ("random", 87.47),
    ("dot product", 90.85),
    ("clustering", 91.88),
    ("packing", 92.00),
    ("best_fit", 93.08),
    ("least_fragmentation (FGD)", 95.39),
];

fn openb() -> Result<Vec<Value>> {
    let directory = std::env::var("OPENB_DIR").map_err(|_| {
        broken("OPENB_DIR is not set")
            .hint("point it to the directory with the openb trace, or run `make bench-placement`")
    })?;
    let trace = Trace::read(&PathBuf::from(directory))?;
    println!("\nopenb: share of all GPU that is allocated at 130 % of demand, seeds {SEEDS:?}");
    let mut figures = Vec::new();
    for policy in Policy::ALL {
        let results: Vec<f64> = SEEDS.map(|seed| replay(&trace, policy, seed)).collect();
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let mean = results.iter().sum::<f64>() / results.len() as f64;
        let (least, most) = results.iter().fold((f64::MAX, 0.0_f64), |(a, b), &x| (a.min(x), b.max(x)));
        println!("  {:<28} {mean:>6.2} %   ({least:.2} to {most:.2})", policy.name());
        figures.push(json!({
            "bench": "openb",
            "strategy": policy.name(),
            "gpu_allocation_percent": (mean * 100.0).round() / 100.0,
            "seeds": results.len(),
        }));
    }
    println!("  published:");
    for (name, percent) in PUBLISHED {
        println!("  {name:<28} {percent:>6.2} %");
    }
    Ok(figures)
}

fn print_row(row: &Row) {
    println!(
        "{:>7}  {:<20} {:>10.0} {:>8} {:>9} {:>11.0} {:>7.1} {:>12.0} {:>7.1} {:>8.1}",
        row.servers,
        row.strategy,
        row.ops_per_second,
        row.p50.as_nanos(),
        row.p99.as_nanos(),
        row.baseline_ops_per_second,
        row.ops_per_second / row.baseline_ops_per_second,
        row.rank_first_ops_per_second,
        row.ops_per_second / row.rank_first_ops_per_second,
        row.visits_per_op
    );
}
