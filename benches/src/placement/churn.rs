//! Place and release at 70 % use: the engine and the baseline on the same operations, in turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workspace_fleet::model::StrategyKind;
use workspace_fleet::placement::{Ask, FleetView, Ledger, PlacementContext, PlacementStrategy, ServerKey, built_in};

use super::baseline::{Baseline, First};
use super::dice::Dice;
use super::synthetic::{self, Kind, SHAPES};

/// Different requests; operations draw from these.
const KINDS: usize = 512;

/// What was measured of one strategy on one size of fleet.
#[derive(Clone, Debug)]
pub struct Row {
    /// The number of servers.
    pub servers: usize,
    /// The strategy.
    pub strategy: String,
    /// Operations, each a release and a placement, in a second.
    pub ops_per_second: f64,
    /// The median of single operations.
    pub p50: Duration,
    /// 99 of 100 single operations take less.
    pub p99: Duration,
    /// The same of the baseline.
    pub baseline_ops_per_second: f64,
    /// The same of the baseline when it compares before it tests for room.
    pub rank_first_ops_per_second: f64,
    /// Servers and bounds looked at for each placement.
    pub visits_per_op: f64,
    /// Releases and placements that the engine and the baseline were compared on.
    pub compared: usize,
}

impl Row {
    /// As the machine reads it.
    pub fn json(&self) -> Value {
        json!({
            "bench": "churn",
            "servers": self.servers,
            "strategy": self.strategy,
            "ops_per_second": self.ops_per_second.round(),
            "p50_ns": self.p50.as_nanos(),
            "p99_ns": self.p99.as_nanos(),
            "baseline_ops_per_second": self.baseline_ops_per_second.round(),
            "rank_first_baseline_ops_per_second": self.rank_first_ops_per_second.round(),
            "visits_per_op": (self.visits_per_op * 10.0).round() / 10.0,
        })
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds; medians are taken over them.
    pub rounds: usize,
    /// Operations of the engine in each round.
    pub operations: usize,
    /// Servers that the baseline looks at in each round, about.
    pub baseline_visits: usize,
}

/// One operation: which of the live ones goes, and which request comes.
#[derive(Clone, Copy)]
struct Operation {
    release: usize,
    kind: usize,
}

/// What an operation did.
#[derive(Clone, Copy)]
struct Done {
    released: Option<(ServerKey, usize)>,
    placed: Option<ServerKey>,
    kind: usize,
    visits: u32,
}

/// One fleet under churn.
struct Churn {
    kind: StrategyKind,
    strategy: Arc<dyn PlacementStrategy>,
    ledger: Ledger,
    kinds: Vec<(Kind, Ask)>,
    live: Vec<(ServerKey, usize)>,
    /// As many live ones are kept.
    target: usize,
    dice: Dice,
    cursor: u64,
}

impl Churn {
    /// A fleet at 70 % use that has churned for a while.
    fn new(kind: StrategyKind, servers: usize) -> Self {
        let mut dice = Dice::new(42);
        let fleet = synthetic::fleet(servers);
        let ledger = Ledger::new(&fleet);
        let names = (kind == StrategyKind::Affinity).then_some(servers);
        let ready = |kind: Kind| {
            let ask = ledger.prepare(&kind.request);
            (kind, ask)
        };
        let kinds = synthetic::requests(KINDS, names, &mut dice).into_iter().map(ready).collect();
        let strategy = built_in(kind);
        let mut churn = Self { kind, strategy, ledger, kinds, live: Vec::new(), target: usize::MAX, dice, cursor: 0 };
        // Looking at every server would take minutes on a large fleet.
        if kind == StrategyKind::LeastFragmentation {
            churn.strategy = built_in(StrategyKind::BestFit);
        }
        churn.fill(servers);
        churn.target = churn.live.len();
        let operations = churn.operations(churn.target / 4);
        churn.run(&operations);
        churn.strategy = built_in(kind);
        churn
    }

    fn fill(&mut self, servers: usize) {
        let capacity: u64 = (0..servers).map(|server| SHAPES[synthetic::shape_of(server)].cpu_millis).sum();
        let mut used = 0;
        while used * 10 < capacity * 7 {
            let kind = self.dice.below(KINDS);
            if self.operate(Operation { release: 0, kind }).placed.is_some() {
                used += self.kinds[kind].0.request.resources.cpu_millis;
            }
        }
    }

    fn operations(&mut self, count: usize) -> Vec<Operation> {
        let dice = &mut self.dice;
        (0..count).map(|_| Operation { release: dice.below(usize::MAX), kind: dice.below(KINDS) }).collect()
    }

    fn operate(&mut self, operation: Operation) -> Done {
        let released = (self.live.len() >= self.target).then(|| {
            let (key, kind) = self.live.swap_remove(operation.release % self.live.len());
            self.ledger.release(key, self.kinds[kind].0.request.resources);
            (key, kind)
        });
        let (kind, ask) = &self.kinds[operation.kind];
        let cx = PlacementContext { cursor: self.cursor, ..PlacementContext::default() };
        self.cursor += 1;
        let found = self.strategy.select(FleetView::new(&self.ledger, &kind.request, ask), cx);
        let (placed, visits) = found.map_or((None, 0), |found| (Some(found.server), found.visits));
        if let Some(key) = placed
            && self.ledger.reserve(key, kind.request.resources).is_ok()
        {
            self.live.push((key, operation.kind));
        }
        Done { released, placed, kind: operation.kind, visits }
    }

    fn run(&mut self, operations: &[Operation]) -> Vec<Done> {
        operations.iter().map(|&operation| self.operate(operation)).collect()
    }

    /// Each operation by itself.
    fn run_timed(&mut self, operations: &[Operation], times: &mut Vec<Duration>) -> Vec<Done> {
        let clocked = |&operation| {
            let begun = Instant::now();
            let done = self.operate(operation);
            times.push(begun.elapsed());
            done
        };
        operations.iter().map(clocked).collect()
    }

    fn number(&self, key: ServerKey) -> usize {
        let id = self.ledger.server(key).map_or(1, |server| server.id().as_uuid().as_u128());
        usize::try_from(id - 1).unwrap_or(0)
    }

    /// The baseline with what is live.
    fn baseline(&self, servers: usize) -> Baseline {
        let mut baseline = Baseline::new(servers);
        for &(key, kind) in &self.live {
            baseline.reserve(self.number(key), &self.kinds[kind].0.request.resources);
        }
        baseline
    }

    /// Does what the engine did; the first `timed` operations with a search of its own, the time of which it gives.
    fn follow(&self, baseline: &mut Baseline, cursor: u64, done: &[Done], timed: usize) -> Duration {
        let numbers: Vec<_> = done
            .iter()
            .map(|done| (done.released.map(|(key, _)| self.number(key)), done.placed.map(|key| self.number(key))))
            .collect();
        let exact = self.kind != StrategyKind::RoundRobin;
        let mut time = Duration::ZERO;
        for (part, searches) in [(0..timed, true), (timed..done.len(), false)] {
            let begun = cpu_time();
            for at in part {
                let (released, placed) = numbers[at];
                if let (Some(server), Some((_, kind))) = (released, done[at].released) {
                    baseline.release(server, &self.kinds[kind].0.request.resources);
                }
                let kind = &self.kinds[done[at].kind].0;
                if searches {
                    let turn = cursor + u64::try_from(at).unwrap_or(0);
                    let found = baseline.select(self.kind, kind, turn);
                    assert!(!exact || found == placed, "engine {placed:?}, baseline {found:?}");
                }
                if let Some(server) = placed {
                    baseline.reserve(server, &kind.request.resources);
                }
            }
            time += if searches { cpu_time().saturating_sub(begun) } else { Duration::ZERO };
        }
        time
    }
}

/// Measures a strategy.
///
/// # Panics
/// When the engine and the baseline choose different servers for the same request.
pub fn measure(kind: StrategyKind, servers: usize, effort: Effort) -> Row {
    let mut churn = Churn::new(kind, servers);
    let mut baseline = churn.baseline(servers);
    let (mut engine_rates, mut baseline_rates, mut rank_first_rates) = (Vec::new(), Vec::new(), Vec::new());
    let mut single = Vec::new();
    let (mut visits, mut compared) = (0_u64, 0);
    for round in 0..effort.rounds {
        let operations = churn.operations(effort.operations);
        let cursor = churn.cursor;
        let some = operations.len().min((effort.baseline_visits / servers).max(50));
        let begun = cpu_time();
        let done = churn.run(&operations);
        engine_rates.push(rate(operations.len(), cpu_time().saturating_sub(begun)));
        // The same operations on a copy, tested in the other order.
        let mut copy = baseline.clone();
        copy.test(First::Rank);
        rank_first_rates.push(rate(some, churn.follow(&mut copy, cursor, &done[..some], some)));
        baseline_rates.push(rate(some, churn.follow(&mut baseline, cursor, &done, some)));
        compared += some;
        visits += done.iter().map(|done| u64::from(done.visits)).sum::<u64>();
        if round % 2 == 0 {
            let operations = churn.operations(effort.operations);
            let cursor = churn.cursor;
            let done = churn.run_timed(&operations, &mut single);
            churn.follow(&mut baseline, cursor, &done, 0);
        }
    }
    single.sort_unstable();
    Row {
        servers,
        strategy: churn.strategy.name().to_owned(),
        ops_per_second: median(&mut engine_rates),
        p50: single[single.len() / 2],
        p99: single[single.len() * 99 / 100],
        baseline_ops_per_second: median(&mut baseline_rates),
        rank_first_ops_per_second: median(&mut rank_first_rates),
        visits_per_op: mean(visits, effort.rounds * effort.operations),
        compared,
    }
}

/// Servers and bounds that a strategy looks at for each placement: the same on every machine.
pub fn visits_per_op(kind: StrategyKind, servers: usize, operations: usize) -> f64 {
    let mut churn = Churn::new(kind, servers);
    let operations = churn.operations(operations);
    let visits = churn.run(&operations).iter().map(|done| u64::from(done.visits)).sum();
    mean(visits, operations.len())
}

/// What this thread has had of the processor: others on the machine count less than by the clock on the wall.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn mean(sum: u64, count: usize) -> f64 {
    sum as f64 / count.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts, not times: the same on every machine, so that a search that looks at more is seen at once.
    #[test]
    fn the_search_looks_at_few_servers() {
        assert!(visits_per_op(StrategyKind::Spread, 10_000, 20_000) <= 100.0);
        assert!(visits_per_op(StrategyKind::BestFit, 10_000, 20_000) <= 400.0);
    }

    #[test]
    fn the_engine_chooses_what_the_baseline_chooses() {
        use StrategyKind::{Affinity, BestFit, LeastFragmentation, Spread};
        for kind in [Spread, BestFit, Affinity, LeastFragmentation] {
            let row = measure(kind, 300, Effort { rounds: 3, operations: 400, baseline_visits: 300 * 400 });
            assert_eq!(row.compared, 1_200);
        }
    }
}
