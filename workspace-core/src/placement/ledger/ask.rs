//! A request made ready for the search.

use std::collections::BTreeSet;

use super::labels::Wanted;
use super::{Ledger, ServerKey};
use crate::id::ServerId;
use crate::placement::PlacementRequest;
use crate::placement::lanes::{self, Lanes};
use crate::resources::Resources;

/// A [`PlacementRequest`] made ready for the search in one [`Ledger`]: labels are numbers, names are keys.
///
/// It stays true while reservations come and go; make it anew after servers were inserted, updated or removed.
#[derive(Clone, Debug)]
pub struct Ask {
    pub(super) resources: Resources,
    pub(super) need: Lanes,
    pub(super) wanted: Wanted,
    pub(super) named: Option<ServerKey>,
    pub(super) required: bool,
    pub(super) even_if_cordoned: bool,
    pub(super) excluded: BTreeSet<ServerId>,
}

impl Ask {
    /// The server that was asked for, if there is one of this name.
    pub const fn named(&self) -> Option<ServerKey> {
        self.named
    }

    /// Leaves out one more server.
    pub fn exclude(&mut self, server: ServerId) {
        self.excluded.insert(server);
    }
}

impl Ledger {
    /// Makes a request ready for the search.
    pub fn prepare(&self, request: &PlacementRequest) -> Ask {
        Ask {
            resources: request.resources,
            need: lanes::need(&request.resources),
            wanted: self.interner.wanted(&request.labels),
            named: request.server.as_deref().and_then(|server| self.key_of_name(server)),
            required: request.required,
            even_if_cordoned: request.even_if_cordoned,
            excluded: request.excluded.clone(),
        }
    }
}
