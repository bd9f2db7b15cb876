//! What a strategy sees of the fleet.

use std::fmt;

use crate::placement::{
    Ask, Found, Ledger, Order, PlacementRequest, ServerFilter, ServerKey, ServerView, Tolerance, Verdict,
};

/// The fleet at one moment, and what is asked of it; read only.
#[derive(Clone, Copy)]
pub struct FleetView<'a> {
    ledger: &'a Ledger,
    request: &'a PlacementRequest,
    ask: &'a Ask,
    rules: Option<&'a Rules<'a>>,
}

/// Rules besides room and labels, one within the other.
struct Rules<'a> {
    rule: &'a dyn Fn(&ServerView<'_>) -> bool,
    outer: Option<&'a Rules<'a>>,
}

impl fmt::Debug for FleetView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetView").field("request", self.request).field("servers", &self.ledger.len()).finish()
    }
}

impl<'a> FleetView<'a> {
    /// A view of a ledger for a request; `ask` is the request as [`Ledger::prepare`] gives it.
    pub const fn new(ledger: &'a Ledger, request: &'a PlacementRequest, ask: &'a Ask) -> Self {
        Self { ledger, request, ask, rules: None }
    }

    /// What is to be placed.
    pub const fn request(&self) -> &'a PlacementRequest {
        self.request
    }

    /// The fleet.
    pub const fn ledger(&self) -> &'a Ledger {
        self.ledger
    }

    /// Whether a server can take the request and every rule admits it.
    pub fn admits(&self, server: &ServerView<'_>) -> bool {
        server.refusal(self.ask).is_none() && self.rules_admit(server)
    }

    /// Calls `each` for every server that can take the request, in no order. The time grows with the fleet: prefer
    /// [`FleetView::best`].
    pub fn each_candidate(&self, mut each: impl FnMut(ServerView<'a>)) {
        let accept = |key| self.ledger.server(key).is_some_and(|server| self.rules_admit(&server));
        let accept: Option<&dyn Fn(ServerKey) -> bool> = if self.rules.is_some() { Some(&accept) } else { None };
        self.ledger.each_able(self.ask, accept, &mut |key| self.ledger.server(key).into_iter().for_each(&mut each));
    }

    /// The server that the request names, if there is one.
    pub fn named(&self) -> Option<ServerView<'a>> {
        self.ledger.server(self.ask.named()?)
    }

    /// The best server by how much of it is reserved afterwards, found without looking at every server.
    pub fn best(&self, order: Order, tolerance: Tolerance) -> Found {
        match self.rules {
            None => self.ledger.best_within(self.ask, order, tolerance, None),
            Some(_) => self.best_where(order, tolerance, &|_| true),
        }
    }

    /// As [`FleetView::best`], among the servers for which `rule` is true. It must say the same of a server every time.
    pub fn best_where(&self, order: Order, tolerance: Tolerance, rule: &dyn Fn(&ServerView<'_>) -> bool) -> Found {
        let accept = |key| self.ledger.server(key).is_some_and(|server| rule(&server) && self.rules_admit(&server));
        self.ledger.best_within(self.ask, order, tolerance, Some(&accept))
    }

    /// The first server with room at or after the `cursor`-th in turn.
    pub fn next_in_turn(&self, cursor: u64) -> Found {
        let accept = |key| self.ledger.server(key).is_some_and(|server| self.rules_admit(&server));
        let accept: Option<&dyn Fn(ServerKey) -> bool> = if self.rules.is_some() { Some(&accept) } else { None };
        self.ledger.next_in_turn(self.ask, cursor, accept)
    }

    /// Calls `choose` with this view under one more hard rule.
    pub fn under<T>(&self, filter: &dyn ServerFilter, choose: impl FnOnce(FleetView<'_>) -> T) -> T {
        self.under_rule(&|server| filter.admit(*server, self.request) == Verdict::Admit, choose)
    }

    /// Calls `choose` with this view of the servers for which `rule` is true. It must say the same of a server every
    /// time.
    pub fn under_rule<T>(&self, rule: &dyn Fn(&ServerView<'_>) -> bool, choose: impl FnOnce(FleetView<'_>) -> T) -> T {
        let rules = Rules { rule, outer: self.rules };
        choose(FleetView { rules: Some(&rules), ..*self })
    }

    fn rules_admit(&self, server: &ServerView<'_>) -> bool {
        let mut next = self.rules;
        while let Some(rules) = next {
            if !(rules.rule)(server) {
                return false;
            }
            next = rules.outer;
        }
        true
    }
}
