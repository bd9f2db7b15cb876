//! Why the servers that were not taken could not be.

use std::collections::BTreeMap;

use crate::placement::{Ask, Ledger, PlacementRequest, PlacementStrategy, Reason, Rejection, ServerView, Verdict};
use crate::resources::Dimension;

/// Refused servers that are told one by one; of more, the reasons are counted.
pub const LISTED: usize = 100;

/// The server that was nearest to taking the request: fit in every other way, and short of the least share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The server's name.
    pub server: String,
    /// What it is short of, dimension by dimension: needed and free.
    pub short: Vec<(Dimension, u64, u64)>,
}

/// Why servers cannot take a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// How many for each stable reason.
    pub counts: BTreeMap<&'static str, usize>,
    /// The first [`LISTED`] in the order of ids, each with its numbers.
    pub listed: Vec<Rejection>,
    /// The nearest miss, when a server is short of something alone.
    pub nearest: Option<NearMiss>,
}

/// Says of every server whether it can take a request, by the rules that the choice goes by.
pub(super) fn refusals(
    strategy: &dyn PlacementStrategy,
    ledger: &Ledger,
    request: &PlacementRequest,
    ask: &Ask,
) -> Refusals {
    let mut refusals = Refusals::default();
    let mut nearest: Option<(u64, ServerView<'_>)> = None;
    for server in ledger.servers() {
        let Some(reason) = server.refusal(ask).or_else(|| rule(strategy, server, request)) else { continue };
        *refusals.counts.entry(reason.code()).or_default() += 1;
        if refusals.listed.len() < LISTED {
            refusals.listed.push(reason.rejection(&server, request, strategy));
        }
        if let Reason::Short(_) = reason {
            let miss = miss(&server, request);
            if nearest.is_none_or(|(least, _)| miss < least) {
                nearest = Some((miss, server));
            }
        }
    }
    refusals.nearest = nearest.map(|(_, server)| near_miss(&server, request));
    refusals
}

fn rule(strategy: &dyn PlacementStrategy, server: ServerView<'_>, request: &PlacementRequest) -> Option<Reason> {
    match strategy.admit(server, request) {
        Verdict::Admit => None,
        Verdict::Refuse { code, .. } => Some(Reason::Rule(code)),
    }
}

/// The missing shares of the request in millionths, added up.
fn miss(server: &ServerView<'_>, request: &PlacementRequest) -> u64 {
    let missing = request.resources.minus(server.free());
    let shares = Dimension::ALL.into_iter().map(|dimension| {
        let (missing, needs) = (u128::from(missing.get(dimension)), u128::from(request.resources.get(dimension)));
        u64::try_from((missing * 1_000_000).checked_div(needs).unwrap_or(0)).unwrap_or(u64::MAX)
    });
    shares.sum()
}

fn near_miss(server: &ServerView<'_>, request: &PlacementRequest) -> NearMiss {
    let free = server.free();
    let short =
        Dimension::ALL.into_iter().map(|dimension| (dimension, request.resources.get(dimension), free.get(dimension)));
    NearMiss { server: server.name().to_owned(), short: short.filter(|&(_, needs, free)| needs > free).collect() }
}
