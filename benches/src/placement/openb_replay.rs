//! One replay of the trace: pods come, none goes, one that does not fit is dropped.
//!
//! The library reserves whole GPUs; here one GPU may be shared, so the servers' GPUs are kept in thousandths and a
//! request must also fit their devices one by one. Choosing is the library's: its engine for spread, best fit and
//! round robin, its measure of stranded GPU for least fragmentation.

use std::cmp::Reverse;

use uuid::Uuid;
use workspace_fleet::clock::Timestamp;
use workspace_fleet::id::ServerId;
use workspace_fleet::label::LabelRequirements;
use workspace_fleet::model::{Availability, ServerObservation, ServerRecord, ServerSpec, ServerState};
use workspace_fleet::placement::{
    Ask, GpuRoom, Ledger, LeftOver, Order, PlacementRequest, ServerKey, ServerScore, TypicalRequest,
};
use workspace_fleet::resources::Resources;

use super::dice::Dice;
use super::openb::{Pod, Trace};

/// How a server is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Any that fits.
    Random,
    /// The least reserved.
    Spread,
    /// The next in turn.
    RoundRobin,
    /// The most reserved, by the shares of all dimensions.
    BestFit,
    /// The least cores and GPU left over, in absolute terms: the best fit of the paper.
    LeftOver,
    /// Where stranded GPU grows least, by steps of this many thousandths; among equals the most reserved.
    LeastFragmentation {
        /// Growth that differs by less is the same.
        grain: u64,
    },
}

/// How good a server is: its growth in steps, how full it would be, and the first of its like.
type Rank = (Reverse<i64>, u64, Reverse<usize>);

impl Policy {
    /// Those that are reported.
    pub const ALL: [Self; 6] = [
        Self::Random,
        Self::Spread,
        Self::RoundRobin,
        Self::BestFit,
        Self::LeftOver,
        Self::LeastFragmentation { grain: 20 },
    ];

    /// The name in the figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Spread => "spread",
            Self::RoundRobin => "round_robin",
            Self::BestFit => "best_fit",
            Self::LeftOver => "least_left_over",
            Self::LeastFragmentation { .. } => "least_fragmentation",
        }
    }
}

/// One server while it fills.
#[derive(Clone, Debug)]
struct Server {
    key: ServerKey,
    model: usize,
    free: Resources,
    devices: Vec<u16>,
    stranded: u64,
    /// The growth by each kind of request and the device for it; `None` where it must be counted anew.
    growth: Vec<Option<(i64, usize)>>,
}

struct Replay<'a> {
    trace: &'a Trace,
    ledger: Ledger,
    servers: Vec<Server>,
    /// For each kind of GPU what is to be expected.
    typical: Vec<Vec<TypicalRequest>>,
    /// For each kind of request the kinds of GPU that will do.
    takes: Vec<Vec<bool>>,
    asks: Vec<Ask>,
    left_over: LeftOver,
    dice: Dice,
}

/// The share of all GPU that is allocated in the end, in percent.
pub fn replay(trace: &Trace, policy: Policy, seed: u64) -> f64 {
    let mut replay = Replay::new(trace, seed);
    let mut allocated = 0;
    for (turn, kind) in trace.workload(seed).into_iter().enumerate() {
        if let Some((server, device)) = replay.choose(policy, kind, turn) {
            replay.place(server, device, kind);
            allocated += trace.kinds[kind].gpu_total();
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let percent = allocated as f64 * 100.0 / trace.gpu_total() as f64;
    percent
}

impl<'a> Replay<'a> {
    fn new(trace: &'a Trace, seed: u64) -> Self {
        let mut models: Vec<&str> = trace.nodes.iter().map(|node| node.model.as_str()).collect();
        models.sort_unstable();
        models.dedup();
        let typical: Vec<_> = models.iter().map(|model| trace.typical(model)).collect();
        let states: Vec<_> = trace
            .nodes
            .iter()
            .enumerate()
            .map(|(number, node)| {
                let gpus = u64::try_from(node.gpus).unwrap_or(0) * 1_000;
                state(
                    number,
                    Resources {
                        cpu_millis: node.cpu_millis,
                        memory_mib: node.memory_mib,
                        gpus,
                        ..Resources::default()
                    },
                )
            })
            .collect();
        let ledger = Ledger::new(&states);
        let server = |(node, state): (&super::openb::Node, &ServerState)| {
            let model = models.binary_search(&node.model.as_str()).unwrap_or(0);
            let (free, devices) = (state.record.totals, vec![1_000; node.gpus]);
            let stranded = room(&free, &devices).stranded(&typical[model]);
            let key = ledger.key(state.record.id)?;
            Some(Server { key, model, free, devices, stranded, growth: vec![None; trace.kinds.len()] })
        };
        let servers = trace.nodes.iter().zip(&states).filter_map(server).collect();
        let takes = trace.kinds.iter().map(|pod| models.iter().map(|model| pod.takes(model)).collect()).collect();
        let ask = |pod: &Pod| {
            ledger.prepare(&PlacementRequest {
                resources: needs(pod),
                labels: LabelRequirements::default(),
                ..PlacementRequest::default()
            })
        };
        let largest = states.iter().fold(Resources::default(), |most, state| most.zip(state.record.totals, u64::max));
        let left_over = LeftOver::new(Resources { memory_mib: 0, ..largest });
        let asks = trace.kinds.iter().map(ask).collect();
        Self { trace, ledger, servers, typical, takes, asks, left_over, dice: Dice::new(!seed) }
    }

    fn choose(&mut self, policy: Policy, kind: usize, turn: usize) -> Option<(usize, usize)> {
        let pod = &self.trace.kinds[kind];
        let ask = &self.asks[kind];
        let fits = |key: ServerKey| {
            let server = &self.servers[self.number(key)];
            self.takes[kind][server.model] && tightest(&server.devices, pod).is_some()
        };
        let found = match policy {
            Policy::LeastFragmentation { grain } => return self.least_fragmented(kind, grain),
            Policy::Random => {
                let able: Vec<_> = (0..self.servers.len())
                    .filter(|&number| {
                        let server = &self.servers[number];
                        needs(pod).first_over(&server.free).is_none() && fits(server.key)
                    })
                    .collect();
                able.get(self.dice.below(able.len())).map(|&number| self.servers[number].key)
            }
            Policy::Spread => self.ledger.best(ask, Order::Emptiest, Some(&fits)).server,
            Policy::BestFit => self.ledger.best(ask, Order::Fullest, Some(&fits)).server,
            Policy::LeftOver => {
                let able = self
                    .servers
                    .iter()
                    .filter(|server| needs(pod).first_over(&server.free).is_none() && fits(server.key));
                let request = PlacementRequest { resources: needs(pod), ..PlacementRequest::default() };
                let score = |server: &&Server| {
                    let score = self.ledger.server(server.key).map(|view| self.left_over.score(view, &request));
                    (score, Reverse(server.key))
                };
                able.max_by_key(score).map(|server| server.key)
            }
            Policy::RoundRobin => self.ledger.next_in_turn(ask, u64::try_from(turn).unwrap_or(0), Some(&fits)).server,
        };
        let number = self.number(found?);
        Some((number, tightest(&self.servers[number].devices, pod)?))
    }

    fn least_fragmented(&mut self, kind: usize, grain: u64) -> Option<(usize, usize)> {
        let (pod, need) = (&self.trace.kinds[kind], needs(&self.trace.kinds[kind]));
        let weight: u64 = self.typical.first()?.iter().map(|request| request.weight).sum();
        let grain = i64::try_from(grain * weight).unwrap_or(i64::MAX).max(1);
        let mut best: Option<(Rank, (usize, usize))> = None;
        for (number, server) in self.servers.iter_mut().enumerate() {
            if !self.takes[kind][server.model] || need.first_over(&server.free).is_some() {
                continue;
            }
            let known = server.growth[kind];
            let Some((growth, device)) = known.or_else(|| least_growth(server, pod, &self.typical[server.model]))
            else {
                continue;
            };
            server.growth[kind] = Some((growth, device));
            let coarse = Reverse((growth + grain / 2).div_euclid(grain));
            if best.is_some_and(|((least, ..), _)| coarse < least) {
                continue;
            }
            let full = self.ledger.server(server.key).map_or(0, |view| view.utilisation_with(need));
            best = best.max(Some(((coarse, full, Reverse(number)), (number, device))));
        }
        best.map(|(_, chosen)| chosen)
    }

    fn place(&mut self, number: usize, device: usize, kind: usize) {
        let pod = &self.trace.kinds[kind];
        let server = &mut self.servers[number];
        server.free = server.free.minus(needs(pod));
        take(&mut server.devices, pod, device);
        server.stranded = room(&server.free, &server.devices).stranded(&self.typical[server.model]);
        server.growth.fill(None);
        // Device by device is stricter than the sum: what fits the devices fits the ledger.
        let _ = self.ledger.reserve(server.key, needs(pod));
    }

    fn number(&self, key: ServerKey) -> usize {
        let id = self.ledger.server(key).map_or(1, |server| server.id().as_uuid().as_u128());
        usize::try_from(id - 1).unwrap_or(0)
    }
}

fn state(number: usize, totals: Resources) -> ServerState {
    ServerState {
        record: ServerRecord::new(
            ServerId::from_uuid(Uuid::from_u128(u128::try_from(number).unwrap_or(0) + 1)),
            ServerSpec::new(format!("openb-node-{number}"), "sim://"),
            totals,
            Timestamp::default(),
        ),
        observation: ServerObservation { availability: Availability::Healthy, ..ServerObservation::default() },
        reserved: Resources::default(),
        workspaces: 0,
    }
}

fn needs(pod: &Pod) -> Resources {
    Resources { cpu_millis: pod.cpu_millis, memory_mib: pod.memory_mib, gpus: pod.gpu_total(), ..Resources::default() }
}

const fn room<'a>(free: &Resources, devices: &'a [u16]) -> GpuRoom<'a> {
    GpuRoom { cpu_millis: free.cpu_millis, memory_mib: free.memory_mib, gpu_millis: devices }
}

/// The device with the least room of those that do; for several whole ones the first of them. 0 for work without GPUs.
fn tightest(devices: &[u16], pod: &Pod) -> Option<usize> {
    if pod.gpus == 0 {
        return Some(0);
    }
    let able = devices.iter().enumerate().filter(|&(_, &free)| free >= pod.gpu_millis);
    if able.clone().count() < pod.gpus {
        return None;
    }
    able.min_by_key(|&(number, &free)| (free, number)).map(|(number, _)| number)
}

/// Takes a share of one device, or several whole ones.
fn take(devices: &mut [u16], pod: &Pod, device: usize) {
    match pod.gpus {
        0 => {}
        1 => devices[device] -= pod.gpu_millis,
        many => devices
            .iter_mut()
            .filter(|free| **free >= pod.gpu_millis)
            .take(many)
            .for_each(|free| *free -= pod.gpu_millis),
    }
}

/// By how much stranded GPU grows with a request, and on which device least.
fn least_growth(server: &Server, pod: &Pod, typical: &[TypicalRequest]) -> Option<(i64, usize)> {
    tightest(&server.devices, pod)?;
    let free = server.free.minus(needs(pod));
    let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
    let grows = |device: usize| {
        let mut devices = server.devices.clone();
        take(&mut devices, pod, device);
        signed(room(&free, &devices).stranded(typical)) - signed(server.stranded)
    };
    if pod.gpus != 1 {
        return Some((grows(0), 0));
    }
    let mut tried = Vec::new();
    let mut best = None;
    for (device, &millis) in server.devices.iter().enumerate() {
        // Devices with the same room are the same.
        if millis >= pod.gpu_millis && !tried.contains(&millis) {
            tried.push(millis);
            let growth = (grows(device), millis, device);
            best = Some(best.map_or(growth, |best: (i64, u16, usize)| best.min(growth)));
        }
    }
    best.map(|(growth, _, device)| (growth, device))
}
