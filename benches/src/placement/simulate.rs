//! A workload against a strategy: what is allocated, what is refused and why, and how evenly.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt::Write;

use serde_json::{Value, json};
use workspace_fleet::id::MasterId;
use workspace_fleet::model::ServerState;
use workspace_fleet::placement::{
    FleetView, Ledger, Part, PlacementContext, PlacementRequest, PlacementStrategy, ServerKey,
};
use workspace_fleet::resources::{Dimension, Resources};

use super::workload_file::{Arrival, Workload};

/// What a strategy made of a workload.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The strategy.
    pub strategy: String,
    /// Requests that were placed.
    pub placed: usize,
    /// Refused requests, by the reason that most servers gave.
    pub refused: BTreeMap<&'static str, usize>,
    /// Percent of the fleet's cores, memory, disk, slots and GPUs reserved when it was fullest.
    pub peak: [f64; 5],
    /// The same when the first request was refused; `None` when none was.
    pub first_refusal: Option<[f64; 5]>,
    /// The standard deviation of the servers' utilisation by its mean, averaged over the arrivals.
    pub imbalance: f64,
    /// The fewest servers, in the order of the file, on which all that the whole fleet took still fits.
    pub servers_needed: usize,
    /// Second and percent of the fleet's capacity in use, averaged over the dimensions it has.
    pub course: Vec<(u64, f64)>,
}

impl Outcome {
    /// As the machine reads it.
    pub fn json(&self) -> Value {
        let by_dimension = |shares: &[f64; 5]| {
            let names = Dimension::ALL.map(Dimension::name);
            names.into_iter().zip(shares.map(|share| (share * 10.0).round() / 10.0)).collect::<BTreeMap<_, _>>()
        };
        json!({
            "bench": "workload",
            "strategy": self.strategy,
            "placed": self.placed,
            "refused": self.refused,
            "peak_percent": by_dimension(&self.peak),
            "first_refusal_percent": self.first_refusal.as_ref().map(by_dimension),
            "imbalance": (self.imbalance * 1_000.0).round() / 1_000.0,
            "servers_needed": self.servers_needed,
        })
    }
}

struct Simulation<'a> {
    strategy: &'a dyn PlacementStrategy,
    ledger: Ledger,
    capacity: Resources,
    used: Resources,
    going: BinaryHeap<Reverse<(u64, ServerKey, usize)>>,
    turn: u64,
    /// Of the masters, to which requests come by turns.
    parts: &'a [Part],
}

/// Replays a workload; its requests come to so many masters by turns.
pub fn simulate(workload: &Workload, strategy: &dyn PlacementStrategy, masters: usize) -> Outcome {
    let names: Vec<_> = (0..masters.max(1)).map(|number| MasterId::new(format!("m-{number}"))).collect();
    let parts: Vec<_> = names.iter().map(|name| Part::among(name, &names)).collect();
    let mut outcome = replay(&workload.servers, &workload.arrivals, strategy, &parts);
    outcome.servers_needed = servers_needed(workload, strategy, &parts, outcome.placed);
    outcome
}

fn replay(servers: &[ServerState], arrivals: &[Arrival], strategy: &dyn PlacementStrategy, parts: &[Part]) -> Outcome {
    let mut simulation = Simulation::new(servers, strategy, parts);
    let mut outcome = Outcome {
        strategy: strategy.name().to_owned(),
        placed: 0,
        refused: BTreeMap::new(),
        peak: [0.0; 5],
        first_refusal: None,
        imbalance: 0.0,
        servers_needed: servers.len(),
        course: Vec::new(),
    };
    // Looking at every server for every arrival would take most of the time.
    let every = arrivals.len().div_ceil(500).max(1);
    let mut samples = 0.0;
    for (number, arrival) in arrivals.iter().enumerate() {
        simulation.leave_until(arrival.at, arrivals);
        if simulation.place(number, arrival).is_some() {
            outcome.placed += 1;
        } else {
            *outcome.refused.entry(simulation.reason(&arrival.request)).or_default() += 1;
            outcome.first_refusal.get_or_insert_with(|| simulation.shares());
        }
        for (peak, share) in outcome.peak.iter_mut().zip(simulation.shares()) {
            *peak = peak.max(share);
        }
        if number % every == 0 {
            outcome.course.push((arrival.at, simulation.percent()));
            outcome.imbalance += simulation.imbalance();
            samples += 1.0;
        }
    }
    outcome.imbalance /= f64::max(samples, 1.0);
    outcome
}

impl<'a> Simulation<'a> {
    fn new(servers: &[ServerState], strategy: &'a dyn PlacementStrategy, parts: &'a [Part]) -> Self {
        let capacity = servers.iter().fold(Resources::default(), |sum, server| sum.plus(server.record.limits()));
        let (ledger, going) = (Ledger::new(servers), BinaryHeap::new());
        Self { strategy, ledger, capacity, used: Resources::default(), going, turn: 0, parts }
    }

    fn leave_until(&mut self, now: u64, arrivals: &[Arrival]) {
        while let Some(&Reverse((until, key, number))) = self.going.peek() {
            if until > now {
                return;
            }
            self.going.pop();
            let resources = arrivals[number].request.resources;
            self.ledger.release(key, resources);
            self.used = self.used.minus(resources);
        }
    }

    fn place(&mut self, number: usize, arrival: &Arrival) -> Option<ServerKey> {
        let ask = self.ledger.prepare(&arrival.request);
        let (turns, masters) = (self.turn, self.parts.len());
        let part = self.parts[usize::try_from(turns).unwrap_or(0) % masters];
        // Each master counts its own.
        let cx = PlacementContext { cursor: turns / masters as u64, part, ..PlacementContext::default() };
        self.turn += 1;
        let fleet = FleetView::new(&self.ledger, &arrival.request, &ask);
        let key = self.strategy.select(fleet, cx)?.server;
        self.ledger.reserve(key, arrival.request.resources).ok()?;
        self.used = self.used.plus(arrival.request.resources);
        if let Some(until) = arrival.until {
            self.going.push(Reverse((until, key, number)));
        }
        Some(key)
    }

    /// The reason that most servers give.
    fn reason(&self, request: &PlacementRequest) -> &'static str {
        let ask = self.ledger.prepare(request);
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        for reason in self.ledger.servers().filter_map(|server| server.refusal(&ask)) {
            *counts.entry(reason.code()).or_default() += 1;
        }
        counts.into_iter().max_by_key(|&(_, count)| count).map_or("no_servers", |(code, _)| code)
    }

    #[expect(clippy::cast_precision_loss, reason = "shares")]
    fn shares(&self) -> [f64; 5] {
        Dimension::ALL
            .map(|dimension| self.used.get(dimension) as f64 * 100.0 / self.capacity.get(dimension).max(1) as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    fn percent(&self) -> f64 {
        let has = Dimension::ALL.iter().filter(|&&dimension| self.capacity.get(dimension) > 0).count();
        self.shares().iter().sum::<f64>() / has.max(1) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    fn imbalance(&self) -> f64 {
        let full: Vec<f64> =
            self.ledger.servers().map(|server| server.utilisation_with(Resources::default()) as f64).collect();
        let mean = full.iter().sum::<f64>() / full.len().max(1) as f64;
        let variance = full.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / full.len().max(1) as f64;
        if mean > 0.0 { variance.sqrt() / mean } else { 0.0 }
    }
}

/// Fewer servers never take more: found by halving.
fn servers_needed(workload: &Workload, strategy: &dyn PlacementStrategy, parts: &[Part], placed: usize) -> usize {
    let (mut few, mut enough) = (0, workload.servers.len());
    while few + 1 < enough {
        let middle = few.midpoint(enough);
        let outcome = replay(&workload.servers[..middle], &workload.arrivals, strategy, parts);
        if outcome.placed >= placed { enough = middle } else { few = middle }
    }
    enough
}

/// Utilisation over time, a line for each strategy, as SVG.
pub fn plot(outcomes: &[Outcome]) -> String {
    const COLOURS: [&str; 6] = ["#1b6ca8", "#d1495b", "#3a7d44", "#8f5fbf", "#c77d0a", "#444444"];
    let (width, height, left, top) = (900.0, 420.0, 60.0, 20.0);
    let last = outcomes.iter().filter_map(|outcome| outcome.course.last()).map(|&(at, _)| at).max().unwrap_or(1).max(1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        width + left + 20.0,
        height + top + 70.0
    );
    for percent in [0.0, 25.0, 50.0, 75.0, 100.0] {
        let y = top + height * (1.0 - percent / 100.0);
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{percent} %</text>",
            left + width,
            left - 6.0,
            y + 4.0
        );
    }
    for (number, outcome) in outcomes.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let mut points = String::new();
        for &(at, percent) in &outcome.course {
            #[expect(clippy::cast_precision_loss, reason = "a place on the paper")]
            let x = left + width * at as f64 / last as f64;
            let _ = write!(points, "{x:.1},{:.1} ", top + height * (1.0 - percent.min(100.0) / 100.0));
        }
        #[expect(clippy::cast_precision_loss, reason = "a place on the paper")]
        let x = left + 150.0 * number as f64;
        let (y, name) = (top + height + 50.0, &outcome.strategy);
        let _ = writeln!(
            svg,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\
             <text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{name}</text>"
        );
    }
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\">0 to {last} seconds</text>\n</svg>", top + height + 25.0);
    svg
}

#[cfg(test)]
mod tests {
    use workspace_fleet::model::StrategyKind;
    use workspace_fleet::placement::built_in;

    use super::*;
    use crate::placement::synthetic;

    fn workload() -> Workload {
        let request = |cpu_millis| PlacementRequest {
            resources: Resources { cpu_millis, slots: 1, ..Resources::default() },
            ..PlacementRequest::default()
        };
        // Four servers of 16, 32, 64 and 32 cores; the third request finds no room while the second is there.
        let arrivals = vec![
            Arrival { at: 0, until: None, request: request(16_000) },
            Arrival { at: 1, until: Some(10), request: request(64_000) },
            Arrival { at: 2, until: None, request: request(40_000) },
            Arrival { at: 10, until: None, request: request(40_000) },
        ];
        Workload { servers: synthetic::fleet(4), arrivals }
    }

    #[test]
    fn what_goes_makes_room_and_refusals_are_counted() {
        let best = simulate(&workload(), built_in(StrategyKind::BestFit).as_ref(), 1);
        assert_eq!(best.placed, 3);
        assert_eq!(best.refused, [("insufficient_cpu", 1)].into());
        assert_eq!(best.servers_needed, 3);
        assert!(best.first_refusal.is_some_and(|shares| (shares[0] - 80_000.0 / 1_440.0).abs() < 0.1));
        let spread = simulate(&workload(), built_in(StrategyKind::Spread).as_ref(), 1);
        // The first request went to the largest server, and the second finds none.
        assert!(spread.placed < best.placed);
        let svg = plot(&[best, spread]);
        assert!(svg.contains("best_fit") && svg.contains("spread") && svg.ends_with("</svg>\n"));
    }
}
