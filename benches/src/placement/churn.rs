//! Place and release at 70 % use: the engine and the baseline go through the same operations, in turn.

use std::fmt::Debug;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workspace_fleet::model::StrategyKind;
use workspace_fleet::placement::{
    Ask, Candidate, FleetView, Ledger, PlacementContext, PlacementStrategy, ServerKey, built_in,
};

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

/// What an operation is for one of those that are measured: a server that gives back what a kind of request had, and
/// the server that the next kind goes to.
#[derive(Clone, Copy)]
struct Step<S> {
    released: Option<(S, usize)>,
    placed: Option<S>,
    kind: usize,
}

/// What is measured.
trait Placer {
    /// How it names servers.
    type Server: Copy + PartialEq + Debug;

    fn release(&mut self, server: Self::Server, kind: usize);

    fn select(&self, kind: usize, cursor: u64) -> Option<Self::Server>;

    fn reserve(&mut self, server: Self::Server, kind: usize);

    /// Releases, searches and reserves.
    fn operate(&mut self, step: Step<Self::Server>, cursor: u64) -> Option<Self::Server> {
        if let Some((server, kind)) = step.released {
            self.release(server, kind);
        }
        let found = self.select(step.kind, cursor);
        if let Some(server) = step.placed {
            self.reserve(server, step.kind);
        }
        found
    }

    /// Takes over what operations did, without a search.
    fn catch_up(&mut self, steps: &[Step<Self::Server>]) {
        for step in steps {
            if let Some((server, kind)) = step.released {
                self.release(server, kind);
            }
            if let Some(server) = step.placed {
                self.reserve(server, step.kind);
            }
        }
    }

    /// Goes through operations; the time that this takes.
    fn follow(&mut self, steps: &[Step<Self::Server>], cursor: u64, exact: bool) -> Duration {
        let begun = cpu_time();
        for (step, cursor) in steps.iter().zip(cursor..) {
            let found = self.operate(*step, cursor);
            assert!(!exact || found == step.placed, "chosen {:?}, found {found:?}", step.placed);
        }
        cpu_time().saturating_sub(begun)
    }
}

/// The engine with a strategy.
#[derive(Clone)]
struct Engine {
    strategy: Arc<dyn PlacementStrategy>,
    ledger: Ledger,
    kinds: Arc<[(Kind, Ask)]>,
}

impl Engine {
    fn search(&self, kind: usize, cursor: u64) -> Option<Candidate> {
        let (kind, ask) = &self.kinds[kind];
        let cx = PlacementContext { cursor, ..PlacementContext::default() };
        self.strategy.select(FleetView::new(&self.ledger, &kind.request, ask), cx)
    }
}

impl Placer for Engine {
    type Server = ServerKey;

    fn release(&mut self, server: ServerKey, kind: usize) {
        self.ledger.release(server, self.kinds[kind].0.request.resources);
    }

    fn select(&self, kind: usize, cursor: u64) -> Option<ServerKey> {
        self.search(kind, cursor).map(|found| found.server)
    }

    fn reserve(&mut self, server: ServerKey, kind: usize) {
        let reserved = self.ledger.reserve(server, self.kinds[kind].0.request.resources);
        debug_assert!(reserved.is_ok(), "what was chosen has room");
    }
}

/// The baseline with a strategy.
#[derive(Clone)]
struct Plain {
    strategy: StrategyKind,
    baseline: Baseline,
    kinds: Arc<[(Kind, Ask)]>,
}

impl Placer for Plain {
    type Server = usize;

    fn release(&mut self, server: usize, kind: usize) {
        self.baseline.release(server, &self.kinds[kind].0.request.resources);
    }

    fn select(&self, kind: usize, cursor: u64) -> Option<usize> {
        self.baseline.select(self.strategy, &self.kinds[kind].0, cursor)
    }

    fn reserve(&mut self, server: usize, kind: usize) {
        self.baseline.reserve(server, &self.kinds[kind].0.request.resources);
    }
}

/// One fleet under churn, which finds out what the operations are.
struct Churn {
    kind: StrategyKind,
    engine: Engine,
    live: Vec<(ServerKey, usize)>,
    /// As many live ones are kept.
    target: usize,
    dice: Dice,
    cursor: u64,
    visits: u64,
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
        // Looking at every server would take minutes on a large fleet.
        let at_first = if kind == StrategyKind::LeastFragmentation { StrategyKind::BestFit } else { kind };
        let engine = Engine { strategy: built_in(at_first), ledger, kinds };
        let mut churn = Self { kind, engine, live: Vec::new(), target: usize::MAX, dice, cursor: 0, visits: 0 };
        churn.fill(servers);
        churn.target = churn.live.len();
        churn.steps(churn.target / 4);
        churn.engine.strategy = built_in(kind);
        churn.visits = 0;
        churn
    }

    fn fill(&mut self, servers: usize) {
        let capacity: u64 = (0..servers).map(|server| SHAPES[synthetic::shape_of(server)].cpu_millis).sum();
        let mut used = 0;
        while used * 10 < capacity * 7 {
            let step = self.step();
            if step.placed.is_some() {
                used += self.engine.kinds[step.kind].0.request.resources.cpu_millis;
            }
        }
    }

    /// Draws so many operations and carries them out.
    fn steps(&mut self, count: usize) -> Vec<Step<ServerKey>> {
        (0..count).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Step<ServerKey> {
        let released = (self.live.len() >= self.target).then(|| {
            let (server, kind) = self.live.swap_remove(self.dice.below(self.live.len()));
            self.engine.release(server, kind);
            (server, kind)
        });
        let kind = self.dice.below(KINDS);
        let found = self.engine.search(kind, self.cursor);
        self.cursor += 1;
        self.visits += found.as_ref().map_or(0, |found| u64::from(found.visits));
        let placed = found.map(|found| found.server);
        if let Some(server) = placed {
            self.engine.reserve(server, kind);
            self.live.push((server, kind));
        }
        Step { released, placed, kind }
    }

    /// The same operations with the numbers of the servers.
    fn numbered(&self, steps: &[Step<ServerKey>]) -> Vec<Step<usize>> {
        let number = |key| self.number(key);
        let numbered = |step: &Step<ServerKey>| Step {
            released: step.released.map(|(server, kind)| (number(server), kind)),
            placed: step.placed.map(number),
            kind: step.kind,
        };
        steps.iter().map(numbered).collect()
    }

    fn number(&self, key: ServerKey) -> usize {
        let id = self.engine.ledger.server(key).map_or(1, |server| server.id().as_uuid().as_u128());
        usize::try_from(id - 1).unwrap_or(0)
    }

    /// The baseline with what is live.
    fn plain(&self, servers: usize) -> Plain {
        let kinds = Arc::clone(&self.engine.kinds);
        let mut plain = Plain { strategy: self.kind, baseline: Baseline::new(servers), kinds };
        for &(key, kind) in &self.live {
            plain.reserve(self.number(key), kind);
        }
        plain
    }
}

/// Measures a strategy.
///
/// # Panics
/// When the engine and the baseline choose different servers for the same request.
pub fn measure(kind: StrategyKind, servers: usize, effort: Effort) -> Row {
    let mut churn = Churn::new(kind, servers);
    let (mut engine, mut plain) = (churn.engine.clone(), churn.plain(servers));
    let (mut engine_rates, mut plain_rates, mut rank_first_rates) = (Vec::new(), Vec::new(), Vec::new());
    let mut single = Vec::new();
    let mut compared = 0;
    // Round robin counts in another order than the baseline, which knows no classes.
    let exact = kind != StrategyKind::RoundRobin;
    for round in 0..effort.rounds {
        let cursor = churn.cursor;
        let steps = churn.steps(effort.operations);
        engine_rates.push(rate(steps.len(), engine.follow(&steps, cursor, true)));

        let steps = churn.numbered(&steps);
        let (some, others) = steps.split_at(steps.len().min((effort.baseline_visits / servers).max(50)));
        // The same operations on a copy, tested in the other order.
        let mut copy = plain.clone();
        copy.baseline.test(First::Rank);
        rank_first_rates.push(rate(some.len(), copy.follow(some, cursor, exact)));
        plain_rates.push(rate(some.len(), plain.follow(some, cursor, exact)));
        plain.catch_up(others);
        compared += some.len();

        if round % 2 == 0 {
            let cursor = churn.cursor;
            let steps = churn.steps(effort.operations);
            single.extend(steps.iter().zip(cursor..).map(|(step, cursor)| {
                let begun = Instant::now();
                black_box(engine.operate(*step, cursor));
                begun.elapsed()
            }));
            plain.catch_up(&churn.numbered(&steps));
        }
    }
    single.sort_unstable();
    Row {
        servers,
        strategy: engine.strategy.name().to_owned(),
        ops_per_second: median(&mut engine_rates),
        p50: single[single.len() / 2],
        p99: single[single.len() * 99 / 100],
        baseline_ops_per_second: median(&mut plain_rates),
        rank_first_ops_per_second: median(&mut rank_first_rates),
        visits_per_op: mean(churn.visits, effort.operations * (effort.rounds + effort.rounds.div_ceil(2))),
        compared,
    }
}

/// Servers and bounds that a strategy looks at for each placement: the same on every machine.
pub fn visits_per_op(kind: StrategyKind, servers: usize, operations: usize) -> f64 {
    let mut churn = Churn::new(kind, servers);
    churn.steps(operations);
    mean(churn.visits, operations)
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
