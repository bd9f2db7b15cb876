//! What is to be placed.

use std::collections::BTreeSet;

use crate::id::ServerId;
use crate::label::LabelRequirements;
use crate::model::ServerRecord;
use crate::resources::Resources;

/// What is to be placed, and what is demanded of its server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlacementRequest {
    /// How much it takes, its slot included.
    pub resources: Resources,
    /// What the server's labels must be.
    pub labels: LabelRequirements,
    /// The name or id of the server to prefer.
    pub server: Option<String>,
    /// Whether only that server will do.
    pub required: bool,
    /// Whether a cordoned server will do, because the data is there.
    pub even_if_cordoned: bool,
    /// Servers whose store row refused this request a moment ago.
    pub excluded: BTreeSet<ServerId>,
}

impl PlacementRequest {
    /// Whether this is the server that was asked for.
    pub fn names(&self, server: &ServerRecord) -> bool {
        self.server.as_deref().is_some_and(|wanted| wanted == server.spec.name || wanted == server.id.to_string())
    }
}
