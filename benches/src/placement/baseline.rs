//! What a careful engineer writes first: all servers in one array of small structs, whole numbers, labels as bits, one
//! pass for each request.

use workspace_fleet::model::StrategyKind;
use workspace_fleet::placement::{GpuRoom, TypicalRequest};
use workspace_fleet::resources::Resources;

use super::synthetic::{Kind, SHAPES, labels_of, shape_of};

/// A server in half a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Server {
    free: [i32; 5],
    /// The shares in use, in 2^-28.
    score: i32,
    labels: u32,
    shape: u8,
}

/// What is tested first of each server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// Labels and room: filter, then compare.
    Room,
    /// Whether it would be the best so far: a trick that spares most of the other tests.
    Rank,
}

/// The fleet as an array.
#[derive(Clone, Debug)]
pub struct Baseline {
    servers: Vec<Server>,
    test: First,
}

fn amounts(resources: &Resources) -> [i32; 5] {
    resources.amounts().map(|amount| i32::try_from(amount).unwrap_or(i32::MAX))
}

fn fits(need: &[i32; 5], server: &Server) -> bool {
    need.iter().zip(&server.free).all(|(need, free)| need <= free)
}

fn share(shape: usize, resources: &Resources) -> i32 {
    // GPUs count three times.
    let shares = SHAPES[shape].amounts().into_iter().zip(resources.amounts()).zip([1_u64, 1, 1, 1, 3]);
    let sum: u64 = shares.map(|((limit, used), counts)| (counts << 28).checked_div(limit).unwrap_or(0) * used).sum();
    i32::try_from(sum).unwrap_or(i32::MAX)
}

impl Baseline {
    /// This many empty servers.
    pub fn new(servers: usize) -> Self {
        let server = |number| {
            let shape = shape_of(number);
            let free = amounts(&SHAPES[shape]);
            Server { free, score: 0, labels: labels_of(number), shape: u8::try_from(shape).unwrap_or(0) }
        };
        Self { servers: (0..servers).map(server).collect(), test: First::Room }
    }

    /// Chooses what is tested first.
    pub const fn test(&mut self, first: First) {
        self.test = first;
    }

    /// Reserves room that is there.
    pub fn reserve(&mut self, server: usize, resources: &Resources) {
        let server = &mut self.servers[server];
        for (free, amount) in server.free.iter_mut().zip(amounts(resources)) {
            *free -= amount;
        }
        server.score += share(usize::from(server.shape), resources);
    }

    /// Gives it back.
    pub fn release(&mut self, server: usize, resources: &Resources) {
        let server = &mut self.servers[server];
        for (free, amount) in server.free.iter_mut().zip(amounts(resources)) {
            *free += amount;
        }
        server.score -= share(usize::from(server.shape), resources);
    }

    /// The server of a strategy.
    pub fn select(&self, strategy: StrategyKind, kind: &Kind, cursor: u64) -> Option<usize> {
        let need = amounts(&kind.request.resources);
        match strategy {
            StrategyKind::Spread => self.least(kind, &need, 1),
            StrategyKind::BestFit => self.least(kind, &need, -1),
            StrategyKind::RoundRobin => self.next(kind, &need, cursor),
            StrategyKind::Affinity => {
                let named = kind.named.filter(|&named| Self::able(&self.servers[named], kind, &need));
                named.or_else(|| self.least(kind, &need, 1))
            }
            StrategyKind::LeastFragmentation => self.least_fragmented(kind, &need),
        }
    }

    fn able(server: &Server, kind: &Kind, need: &[i32; 5]) -> bool {
        kind.must & !server.labels == 0 && fits(need, server)
    }

    /// The least utilisation after the placement, times `sign`.
    fn least(&self, kind: &Kind, need: &[i32; 5], sign: i32) -> Option<usize> {
        let growth: [i32; 4] = std::array::from_fn(|shape| share(shape, &kind.request.resources));
        let mut best = (i32::MAX, usize::MAX);
        for (number, server) in self.servers.iter().enumerate() {
            let rank = sign * (server.score + growth[usize::from(server.shape)]);
            // The same question in two orders: which is quicker depends on how many have room.
            #[expect(clippy::if_same_then_else, reason = "the order of the two tests is what differs")]
            let wins = if self.test == First::Room {
                Self::able(server, kind, need) && rank < best.0
            } else {
                rank < best.0 && Self::able(server, kind, need)
            };
            if wins {
                best = (rank, number);
            }
        }
        (best.1 != usize::MAX).then_some(best.1)
    }

    fn next(&self, kind: &Kind, need: &[i32; 5], cursor: u64) -> Option<usize> {
        let count = u64::try_from(self.servers.len()).unwrap_or(1).max(1);
        let start = usize::try_from(cursor % count).unwrap_or(0);
        let (before, after) = self.servers.split_at(start);
        let able = |server: &Server| Self::able(server, kind, need);
        after.iter().position(able).map(|at| at + start).or_else(|| before.iter().position(able))
    }

    fn least_fragmented(&self, kind: &Kind, need: &[i32; 5]) -> Option<usize> {
        let growth: [i32; 4] = std::array::from_fn(|shape| share(shape, &kind.request.resources));
        let able = self.servers.iter().enumerate().filter(|(_, server)| Self::able(server, kind, need));
        let best = able.min_by_key(|(number, server)| {
            let mut after = server.free;
            for (free, amount) in after.iter_mut().zip(need) {
                *free -= amount;
            }
            let grows = (stranded(&after) - stranded(&server.free) + GRAIN / 2).div_euclid(GRAIN);
            (grows, -(server.score + growth[usize::from(server.shape)]), *number)
        });
        best.map(|(number, _)| number)
    }
}

/// Twenty thousandths of a GPU times the weights of [`TYPICAL`].
const GRAIN: i64 = 20 * 15;

/// What `LeastFragmentation::default` expects.
const TYPICAL: [TypicalRequest; 4] = [typical(1, 8), typical(2, 4), typical(4, 2), typical(8, 1)];

const fn typical(gpus: u32, weight: u64) -> TypicalRequest {
    let each = gpus as u64;
    TypicalRequest { cpu_millis: 4_000 * each, memory_mib: 16_384 * each, gpus, gpu_millis: 1_000, weight }
}

fn stranded(free: &[i32; 5]) -> i64 {
    let amount = |at: usize| u64::try_from(free[at]).unwrap_or(0);
    let gpus = usize::try_from(amount(4)).unwrap_or(0).min(8);
    let room = GpuRoom { cpu_millis: amount(0), memory_mib: amount(1), gpu_millis: &[1_000; 8][..gpus] };
    i64::try_from(room.stranded(&TYPICAL)).unwrap_or(i64::MAX)
}
