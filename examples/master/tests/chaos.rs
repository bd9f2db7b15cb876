//! Torture: a master on real Docker servers while servers hang, die and lose their network, while answers are swallowed
//! and the master itself is killed. Run by `fleet/chaos` (`make chaos`), which brings what it needs; `docs/testing.md`
//! says how to add a fault. The last line is one JSON object.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what is not there fails the scenario")]
#![expect(clippy::print_stdout, reason = "the report")]

#[path = "chaos/api.rs"]
mod api;
#[path = "chaos/check.rs"]
mod check;
#[path = "chaos/client.rs"]
mod client;
#[path = "chaos/engines.rs"]
mod engines;
#[path = "chaos/faults/mod.rs"]
mod faults;
#[path = "chaos/history.rs"]
mod history;
#[path = "chaos/master.rs"]
mod master;
#[path = "chaos/proxy.rs"]
mod proxy;
#[path = "chaos/rig.rs"]
mod rig;
#[expect(dead_code, reason = "other tests start a master to its banner and end it in order")]
mod running;
#[path = "chaos/verdict.rs"]
mod verdict;

use std::any::Any;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use engines::engines;
use faults::{Plan, daemons, kills, lost, objects, parts, replies, steps};
use verdict::{RAW, Verdict};

/// A name, whether the short form has it, and what it does.
type Scenario = (&'static str, bool, fn(&Plan) -> Verdict);

const SCENARIOS: &[Scenario] = &[
    ("daemon-paused", true, daemons::paused),
    ("daemon-killed", true, daemons::killed),
    ("link-down", false, daemons::cut),
    ("daemon-paused-deletions", false, daemons::paused_amid_deletions),
    ("replies-swallowed", true, replies::swallowed),
    ("master-killed", true, kills::amid),
    ("master-killed-start", true, steps::of_a_start),
    ("master-killed-execution", false, steps::of_an_execution),
    ("container-removed", false, objects::container_removed),
    ("volume-removed", false, objects::volume_removed),
    ("image-missing", false, objects::image_missing),
    ("postgres-restarted", false, parts::postgres_restarted),
    ("s3-unreachable", false, parts::s3_unreachable),
    ("disk-full", false, parts::disk_full),
    ("master-paused", false, parts::master_paused),
    ("server-lost", false, lost::server_lost),
];

fn main() -> ExitCode {
    let begun = Instant::now();
    let full = setting("FULL").is_some_and(|full| full != "0");
    let only: Vec<String> = setting("ONLY").iter().flat_map(|names| names.split(',')).map(str::to_owned).collect();
    let unknown = only.iter().find(|name| SCENARIOS.iter().all(|(known, ..)| known != name));
    assert!(
        unknown.is_none(),
        "ONLY={} is unknown; there are {:?}",
        unknown.unwrap(),
        SCENARIOS.iter().map(|(name, ..)| *name).collect::<Vec<_>>()
    );
    let starts =
        setting("STARTS").map_or(if full { 200 } else { 20 }, |starts| starts.parse().expect("STARTS is a number"));
    let residents = if full { 8 } else { 2 };
    let mut plan = Plan { starts, residents, raw: Duration::ZERO, raw_one: Duration::ZERO, full };
    let mut verdicts = vec![(RAW, run(RAW, &plan, faults::raw))];
    (plan.raw, plan.raw_one) = (verdicts[0].1.after_heal, verdicts[0].1.raw);
    for &(name, short, scenario) in SCENARIOS {
        let wanted = if only.is_empty() { full || short } else { only.iter().any(|one| one == name) };
        if wanted {
            verdicts.push((name, run(name, &plan, scenario)));
        }
    }
    println!("{}", verdict::summary(&verdicts, begun.elapsed()));
    if verdicts.iter().all(|(_, verdict)| verdict.is_good()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one in a thread of its own, so that what breaks in it breaks nothing else, and mends the servers after it.
fn run(name: &str, plan: &Plan, scenario: fn(&Plan) -> Verdict) -> Verdict {
    let (begun, plan) = (Instant::now(), *plan);
    let ended = thread::Builder::new().name(name.to_owned()).spawn(move || scenario(&plan)).unwrap().join();
    let verdict = ended.unwrap_or_else(|panic| {
        for engine in engines() {
            // One that is stopped would not hear what else is asked of it; one that is gone is started below.
            let _ = thread::spawn(move || engine.signal("-CONT")).join();
        }
        parts::mended();
        Verdict::failed(words(panic.as_ref()))
    });
    println!("{}", verdict::line(name, begun.elapsed(), &verdict));
    for wrong in &verdict.wrong {
        println!("    {wrong}");
    }
    verdict
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "it broke".to_owned())
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The value of a variable that `fleet/chaos` sets.
fn real_part(name: &str) -> String {
    setting(name).unwrap_or_else(|| panic!("{name} is not set: run `make chaos`, which starts the real parts first"))
}
