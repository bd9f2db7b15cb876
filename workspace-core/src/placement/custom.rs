//! Strategies of embedders: only a score, or only a hard rule.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt::Debug;

use crate::placement::{Candidate, FleetView, PlacementContext, PlacementRequest, PlacementStrategy, ServerView};

/// How good a server is for a request.
///
/// # Contract
/// Pure, and in whole numbers: the same server and request give the same score on every master.
pub trait ServerScore: Debug + Send + Sync + 'static {
    /// The name in explanations.
    fn name(&self) -> &str;

    /// The greater the better. It is asked only of servers that can take the request.
    fn score(&self, server: ServerView<'_>, request: &PlacementRequest) -> i64;
}

/// Makes a strategy of a score: filtering, soft limits, ties, explanations and the runner-up are ours.
///
/// Every server with room is scored: the time grows with the fleet.
///
/// ```
/// use workspace_core::placement::{ByScore, PlacementRequest, ServerScore, ServerView};
///
/// /// Takes the server with the most free memory.
/// #[derive(Debug)]
/// struct MostMemory;
///
/// impl ServerScore for MostMemory {
///     fn name(&self) -> &str {
///         "most_memory"
///     }
///
///     fn score(&self, server: ServerView<'_>, _: &PlacementRequest) -> i64 {
///         i64::try_from(server.free().memory_mib).unwrap_or(i64::MAX)
///     }
/// }
///
/// let strategy = ByScore(MostMemory);
/// # let _: &dyn workspace_core::placement::PlacementStrategy = &strategy;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ByScore<S>(pub S);

impl<S: ServerScore> PlacementStrategy for ByScore<S> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn select(&self, fleet: FleetView<'_>, _: PlacementContext) -> Option<Candidate> {
        let request = fleet.request();
        let (mut visits, mut best) = (0, None);
        fleet.each_candidate(|server| {
            visits += 1;
            let preferred = request.labels.preferred(server.labels());
            let rank = (!server.spills(), self.0.score(server, request), preferred, Reverse(server.id()));
            best = Some((rank, server.key())).max(best);
        });
        let (_, server) = best?;
        Some(Candidate { server, reason: Cow::Borrowed("best score"), visits })
    }
}

/// What a hard rule says of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be taken.
    Admit,
    /// It may not.
    Refuse {
        /// The stable reason, such as `quota`.
        code: &'static str,
        /// The reason with its numbers.
        detail: String,
    },
}

/// A hard rule besides room, labels and health: quotas, tenancy, hours.
///
/// # Contract
/// Pure: the same server and request give the same verdict.
pub trait ServerFilter: Debug + Send + Sync + 'static {
    /// Whether the server may take the request.
    fn admit(&self, server: ServerView<'_>, request: &PlacementRequest) -> Verdict;
}

/// A strategy under one more hard rule; explanations show what it refuses.
///
/// ```
/// use workspace_core::placement::{Filtered, PlacementRequest, ServerFilter, ServerView, Spread, Verdict};
///
/// /// Keeps a quarter of every server's memory free.
/// #[derive(Debug)]
/// struct HeadRoom;
///
/// impl ServerFilter for HeadRoom {
///     fn admit(&self, server: ServerView<'_>, request: &PlacementRequest) -> Verdict {
///         let (after, keep) = (server.free().minus(request.resources), server.limits().memory_mib / 4);
///         if after.memory_mib >= keep {
///             return Verdict::Admit;
///         }
///         Verdict::Refuse { code: "head_room", detail: format!("memory: {} MiB must stay free", keep) }
///     }
/// }
///
/// let strategy = Filtered { inner: Spread, filter: HeadRoom };
/// # let _: &dyn workspace_core::placement::PlacementStrategy = &strategy;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Filtered<S, F> {
    /// What chooses.
    pub inner: S,
    /// What may not be chosen.
    pub filter: F,
}

impl<S: PlacementStrategy, F: ServerFilter> PlacementStrategy for Filtered<S, F> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn select(&self, fleet: FleetView<'_>, cx: PlacementContext) -> Option<Candidate> {
        fleet.under(&self.filter, |fleet| self.inner.select(fleet, cx))
    }

    fn admit(&self, server: ServerView<'_>, request: &PlacementRequest) -> Verdict {
        match self.filter.admit(server, request) {
            Verdict::Admit => self.inner.admit(server, request),
            refusal @ Verdict::Refuse { .. } => refusal,
        }
    }
}
