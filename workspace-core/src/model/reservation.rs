//! Capacity held on a server.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::ServerId;
use crate::resources::Resources;

/// What a reservation is for; a holder has at most one live reservation of each part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationPart {
    /// Cores, memory, slots and GPUs of something that runs; given back when it stops. The holder is its id.
    Compute,
    /// Disk of a copy; given back when the volume is gone. The holder is the project's id.
    Storage,
}

impl ReservationPart {
    /// The name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Storage => "storage",
        }
    }
}

/// Capacity held on a server, now or in the past.
///
/// Rows are kept after their release: the reservations with `claimed_seq <= n` that are not released by `n` are
/// what was held after the n-th change of that server's ledger, so that the use at every moment can be recomputed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Where.
    pub server: ServerId,
    /// For whom: a workspace, an execution or a project.
    pub holder: Uuid,
    /// For what.
    pub part: ReservationPart,
    /// How much.
    pub resources: Resources,
    /// The number of the claim in the server's ledger, from 1.
    pub claimed_seq: u64,
    /// The number of the release in the server's ledger; `None` while held.
    pub released_seq: Option<u64>,
}
