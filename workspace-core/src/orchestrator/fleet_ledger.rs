//! The fleet as placement sees it, kept from decision to decision: the rows of the store are the truth, this is a copy
//! of them that is arranged for the search.

use std::sync::{Mutex, PoisonError};

use crate::environment::mix;
use crate::error::Result;
use crate::id::MasterId;
use crate::model::ServerState;
use crate::orchestrator::Core;
use crate::placement::{Decision, Ledger, PlacementContext, PlacementRequest, PlacementStrategy, Tolerance, decide};

#[derive(Debug, Default)]
pub(super) struct FleetLedger(Mutex<Ledger>);

impl Core {
    /// Decides on the fleet as the rows say that it is; only what changed since the last decision is taken over.
    pub(super) fn find_place(
        &self,
        strategy: &dyn PlacementStrategy,
        servers: &[ServerState],
        request: &PlacementRequest,
        cursor: u64,
    ) -> Result<Decision> {
        let tolerance = Tolerance {
            thousandths: self.config.near_equal_thousandths,
            seed: seed(&self.config.master).wrapping_add(cursor),
        };
        let mut ledger = self.ledger.0.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.sync(servers);
        for server in servers {
            if let Some(key) = ledger.key(server.record.id) {
                ledger.set_busy(key, self.starting.is_busy(server.record.id));
            }
        }
        decide(strategy, &ledger, request, PlacementContext { cursor, tolerance })
    }
}

/// Different on every master, the same over its restarts.
fn seed(master: &MasterId) -> u64 {
    master.as_str().bytes().fold(0, |seed, byte| mix(seed ^ u64::from(byte)))
}
