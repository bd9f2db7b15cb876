//! Which servers each of several masters takes first.

use std::borrow::Cow;

use crate::id::MasterId;
use crate::placement::{
    Candidate, FleetView, PlacementContext, PlacementRequest, PlacementStrategy, ServerView, Verdict,
};

/// One master's part of the servers: they are dealt out, one after the other, to all masters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub(super) number: u64,
    pub(super) of: u64,
}

impl Part {
    /// All servers: there is one master.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// A master's part among these masters; it counts as one of them in any case.
    pub fn among(master: &MasterId, masters: &[MasterId]) -> Self {
        let count = |wanted: &dyn Fn(&MasterId) -> bool| masters.iter().filter(|other| wanted(other)).count() as u64;
        Self { number: count(&|other| other < master), of: count(&|other| other != master) + 1 }
    }

    /// Whether all servers are in it.
    pub const fn is_whole(self) -> bool {
        self.of <= 1
    }
}

impl Default for Part {
    fn default() -> Self {
        Self::WHOLE
    }
}

/// A strategy that looks into this master's part of the servers first, and at all when nothing there has room below
/// its soft limit.
///
/// For strategies that fill up one server after the other: all masters would fill the same one, and be refused by its
/// row. With one master it is the strategy itself.
#[derive(Clone, Copy, Debug)]
pub struct OwnPartFirst<S>(pub S);

impl<S: PlacementStrategy> PlacementStrategy for OwnPartFirst<S> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn select(&self, fleet: FleetView<'_>, cx: PlacementContext) -> Option<Candidate> {
        let ledger = fleet.ledger();
        if !cx.part.is_whole() {
            let deal = ledger.deal(cx.part);
            let own = fleet.under_rule(&|server| deal.is_mine(server), |fleet| self.0.select(fleet, cx));
            let open = own.filter(|own| ledger.server(own.server).is_some_and(|server| !server.spills()));
            if let Some(Candidate { server, reason, visits }) = open {
                let reason = Cow::Owned(format!("{reason} in this master's part of the fleet"));
                return Some(Candidate { server, reason, visits });
            }
        }
        self.0.select(fleet, cx)
    }

    fn admit(&self, server: ServerView<'_>, request: &PlacementRequest) -> Verdict {
        self.0.admit(server, request)
    }
}

#[cfg(test)]
mod tests;
