//! The fleet as placement sees it, kept from decision to decision: the rows of the store are the truth, this is a copy
//! of them that is arranged for the search.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::environment::mix;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{MasterId, ServerId};
use crate::model::{Scheduling, ServerState};
use crate::orchestrator::Core;
use crate::orchestrator::fleet_snapshot::Fleet;
use crate::placement::{
    Decision, Ledger, PlacementContext, PlacementRequest, PlacementStrategy, Refusals, Tolerance, decide, explain,
};
use crate::resources::Resources;

/// The copy, and what this master decided that its rows may not show yet.
#[derive(Debug, Default)]
pub(super) struct FleetLedger(Mutex<Books>);

#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) ledger: Ledger,
    under_way: BTreeMap<u64, Claimed>,
    next: u64,
}

/// A claim of this master.
#[derive(Debug)]
struct Claimed {
    server: ServerId,
    resources: Resources,
    /// How many reads of the fleet had begun when it was granted; later ones show it.
    granted: Option<u64>,
}

/// A decision whose claim is under way: decisions at the same time look upon it as held.
#[derive(Debug)]
pub(super) struct UnderWay<'a> {
    ledger: &'a FleetLedger,
    number: u64,
}

impl UnderWay<'_> {
    /// The claim was granted, when so many reads of the fleet had begun: it counts until a later one shows it.
    pub(super) fn granted(self, reads: u64) {
        if let Some(claimed) = self.ledger.lock().under_way.get_mut(&self.number) {
            claimed.granted = Some(reads);
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut books = self.ledger.lock();
        if books.under_way.get(&self.number).is_some_and(|claimed| claimed.granted.is_none()) {
            books.under_way.remove(&self.number);
        }
    }
}

impl FleetLedger {
    pub(super) fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// Adds what the rows of this read may not show. What does not fit is in them already.
    fn add_what_is_under_way(&mut self, read: u64) {
        self.under_way.retain(|_, claimed| claimed.granted.is_none_or(|reads| reads >= read));
        for claimed in self.under_way.values() {
            if let Some(key) = self.ledger.key(claimed.server) {
                let _ = self.ledger.reserve(key, claimed.resources);
            }
        }
    }

    fn hold(&mut self, server: ServerId, resources: Resources) -> u64 {
        self.next += 1;
        self.under_way.insert(self.next, Claimed { server, resources, granted: None });
        self.next
    }
}

impl Core {
    /// Decides on the fleet as the rows say that it is; only what changed since the last decision is taken over. The
    /// choice counts as held until the answer to its claim is known.
    ///
    /// So do the other claims of this master that the rows may not show, so that a burst does not run to one place.
    /// Some of them may be in the rows by now: that alone refuses nothing.
    pub(super) fn find_place(
        &self,
        strategy: &dyn PlacementStrategy,
        fleet: &Fleet,
        request: &PlacementRequest,
        cursor: u64,
    ) -> Result<(Decision, UnderWay<'_>)> {
        let mut books = self.ledger.lock();
        self.sync(&mut books.ledger, &fleet.servers);
        books.add_what_is_under_way(fleet.read);
        let decided = match decide(strategy, &books.ledger, request, self.context(cursor)) {
            Err(error) if error.kind() == ErrorKind::InsufficientCapacity && !books.under_way.is_empty() => {
                self.sync(&mut books.ledger, &fleet.servers);
                decide(strategy, &books.ledger, request, self.context(cursor))
            }
            decided => decided,
        };
        let decision = decided?;
        self.breakers.chosen(decision.server);
        let number = books.hold(decision.server, request.resources);
        Ok((decision, UnderWay { ledger: &self.ledger, number }))
    }

    /// What [`Core::find_place`] would say if nothing were under way, with every reason counted.
    pub(super) fn explain_place(
        &self,
        strategy: &dyn PlacementStrategy,
        servers: &[ServerState],
        request: &PlacementRequest,
        cursor: u64,
    ) -> (Result<Decision>, Refusals) {
        let mut books = self.ledger.lock();
        self.sync(&mut books.ledger, servers);
        explain(strategy, &books.ledger, request, self.context(cursor))
    }

    /// Decides on requests one after the other, each on what the ones before it leave.
    pub(super) fn find_places<'a>(
        &self,
        servers: &[ServerState],
        requests: impl Iterator<Item = (&'a dyn PlacementStrategy, &'a PlacementRequest, u64)>,
    ) -> Vec<Result<Decision>> {
        let mut books = self.ledger.lock();
        let ledger = &mut books.ledger;
        self.sync(ledger, servers);
        let mut begun: BTreeMap<ServerId, usize> = BTreeMap::new();
        let decided = requests.map(|(strategy, request, cursor)| {
            let decision = decide(strategy, ledger, request, self.context(cursor))?;
            let key = ledger.key(decision.server).ok_or_else(|| Error::not_found("server"))?;
            // What a decision chose has room, by the same rule.
            let _ = ledger.reserve(key, request.resources);
            let begun = begun.entry(decision.server).or_insert_with(|| self.starting.under_way(decision.server));
            *begun += 1;
            if *begun >= self.config.max_starting_per_server {
                ledger.set_busy(key, true);
            }
            Ok(decision)
        });
        decided.collect()
    }

    fn sync(&self, ledger: &mut Ledger, servers: &[ServerState]) {
        ledger.sync(servers);
        for (id, reason) in self.breakers.open() {
            if let Some(server) = servers.iter().find(|server| server.record.id == id) {
                ledger.put(&closed(server, reason));
            }
        }
        for server in servers {
            if let Some(key) = ledger.key(server.record.id) {
                ledger.set_busy(key, self.starting.is_busy(server.record.id));
            }
        }
    }

    fn context(&self, cursor: u64) -> PlacementContext {
        let seed = seed(&self.config.master).wrapping_add(cursor);
        let tolerance = Tolerance { thousandths: self.config.near_equal_thousandths, seed };
        PlacementContext { cursor, tolerance, part: self.lease.part() }
    }
}

/// A server where creates fail: as if it were cordoned.
fn closed(server: &ServerState, reason: String) -> ServerState {
    let mut server = server.clone();
    if server.record.scheduling == Scheduling::Active {
        server.record.scheduling = Scheduling::Cordoned;
    }
    server.observation.last_error.get_or_insert(reason);
    server
}

/// Different on every master, the same over its restarts.
fn seed(master: &MasterId) -> u64 {
    master.as_str().bytes().fold(0, |seed, byte| mix(seed ^ u64::from(byte)))
}
