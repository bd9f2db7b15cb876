//! What a strategy sees of the fleet.

use crate::model::ServerState;
use crate::placement::{PlacementRequest, admit};

/// The fleet at one moment, read only.
#[derive(Clone, Copy, Debug)]
pub struct FleetView<'a> {
    servers: &'a [ServerState],
}

impl<'a> FleetView<'a> {
    /// A view of these servers.
    pub const fn new(servers: &'a [ServerState]) -> Self {
        Self { servers }
    }

    /// Every server.
    pub const fn servers(&self) -> &'a [ServerState] {
        self.servers
    }

    /// The servers that can take the request.
    pub fn candidates<'r>(&self, request: &'r PlacementRequest) -> impl Iterator<Item = &'a ServerState> + use<'a, 'r> {
        self.servers.iter().filter(move |server| admit(server, request).is_ok())
    }
}
