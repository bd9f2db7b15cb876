//! The server where the least GPU becomes out of reach.

use std::borrow::Cow;
use std::cmp::Reverse;

use crate::placement::fragmentation::{GpuRoom, TypicalRequest};
use crate::placement::{Candidate, FleetView, Order, PlacementContext, PlacementStrategy, ServerView};
use crate::resources::Resources;

/// Growth that differs by less is the same: thousandths of a GPU.
const GRAIN: u64 = 20;

/// More GPUs than this on one server are not told apart.
const DEVICES: usize = 64;

/// Takes the server whose stranded GPUs grow least, among equals the fullest.
///
/// Stranded is what is free of the GPUs of a server but cannot be taken by the requests that are to be expected
/// ([`GpuRoom::stranded`]). So work without GPUs stays off servers with free GPUs, and small requests do not break up
/// what a large one needs.
#[derive(Clone, Debug)]
pub struct LeastFragmentation {
    typical: Vec<TypicalRequest>,
    weight: u64,
}

impl LeastFragmentation {
    /// For a fleet that is to expect these requests.
    pub fn new(typical: Vec<TypicalRequest>) -> Self {
        let weight = typical.iter().map(|request| request.weight).fold(0, u64::saturating_add).max(1);
        Self { typical, weight }
    }

    /// By how many grains the stranded GPUs of a server grow with a request; negative when they shrink.
    fn growth(&self, server: &ServerView<'_>, request: &Resources) -> i64 {
        let before = server.free();
        if before.gpus == 0 {
            return 0;
        }
        let (now, then) = (self.stranded(&before), self.stranded(&before.minus(*request)));
        let grain = i64::try_from(self.weight.saturating_mul(GRAIN)).unwrap_or(i64::MAX);
        let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
        (signed(then) - signed(now) + grain / 2).div_euclid(grain)
    }

    fn stranded(&self, free: &Resources) -> u64 {
        let whole = [1_000; DEVICES];
        let gpus = usize::try_from(free.gpus).unwrap_or(DEVICES).min(DEVICES);
        let room = GpuRoom { cpu_millis: free.cpu_millis, memory_mib: free.memory_mib, gpu_millis: &whole[..gpus] };
        room.stranded(&self.typical)
    }
}

impl Default for LeastFragmentation {
    /// Expects one, two, four and eight GPUs, the more the rarer, each GPU with 4 cores and 16 GiB.
    fn default() -> Self {
        let typical = [(1_u32, 8), (2, 4), (4, 2), (8, 1)].map(|(gpus, weight)| TypicalRequest {
            cpu_millis: 4_000 * u64::from(gpus),
            memory_mib: 16_384 * u64::from(gpus),
            gpus,
            gpu_millis: 1_000,
            weight,
        });
        Self::new(typical.to_vec())
    }
}

impl PlacementStrategy for LeastFragmentation {
    fn name(&self) -> &'static str {
        "least_fragmentation"
    }

    fn select(&self, fleet: FleetView<'_>, cx: PlacementContext) -> Option<Candidate> {
        let request = &fleet.request().resources;
        let reason = Cow::Borrowed("strands the least GPU");
        let mut visits = 0;
        if request.gpus == 0 {
            // Work without GPUs frees none: where nothing grows is best, and the search finds the fullest of those.
            let found = fleet.best_where(Order::Fullest, cx.tolerance, &|server| self.growth(server, request) == 0);
            visits = found.visits;
            let spills = |key| fleet.ledger().server(key).is_some_and(|server| server.spills());
            if let Some(server) = found.server.filter(|&server| !spills(server)) {
                return Some(Candidate { server, reason, visits });
            }
        }
        let mut best = None;
        fleet.each_candidate(|server| {
            visits += 1;
            let (open, growth) = (!server.spills(), Reverse(self.growth(&server, request)));
            // What cannot win already needs no more numbers.
            if best.is_some_and(|((best, _, _, _), _)| (open, growth) < best) {
                return;
            }
            let preferred = fleet.request().labels.preferred(server.labels());
            let full = server.utilisation_with(*request);
            best = Some((((open, growth), full, preferred, Reverse(server.id())), server.key())).max(best);
        });
        let (_, server) = best?;
        Some(Candidate { server, reason, visits })
    }
}
