//! A master's right to act.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::MasterId;

/// Names one life of one master: every write carries it, and the store refuses a write of an earlier life.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// The master.
    pub master: MasterId,
    /// Grows by one each time the master takes its lease anew.
    pub epoch: u64,
}

/// The right to act until a moment of the store's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who may act.
    pub fence: Fence,
    /// Until when, by the store's clock.
    pub until: Timestamp,
    /// The store's clock when it answered: `until - store_now` is what is left, whatever this machine's clock says.
    pub store_now: Timestamp,
    /// Every master whose lease runs, this one among them, in the order of names.
    pub masters: Vec<MasterId>,
}
