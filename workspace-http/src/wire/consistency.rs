//! Whether the books are right.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::orchestrator;

use super::Resources;

/// What a comparison of the books found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Consistency {
    /// Whether nothing differs.
    consistent: bool,
    /// Servers that were looked at.
    servers: usize,
    /// Live reservations that were added up.
    reservations: usize,
    /// What is not as it should be.
    differences: Vec<Difference>,
}

/// Books that do not agree.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Difference {
    /// The server's name.
    server: String,
    server_id: Uuid,
    /// `reservations`: not the sum of the live ones; `memory`: placement sees something else; `over_limit`: more than
    /// the limits allow, as after they were lowered.
    kind: String,
    /// What the server's row says.
    reserved: Resources,
    /// What it should say.
    expected: Resources,
}

impl From<orchestrator::Consistency> for Consistency {
    fn from(found: orchestrator::Consistency) -> Self {
        let differences = found.differences.into_iter().map(|difference| Difference {
            server: difference.server_name,
            server_id: difference.server.as_uuid(),
            kind: difference.kind.name().to_owned(),
            reserved: difference.reserved.into(),
            expected: difference.expected.into(),
        });
        let differences: Vec<_> = differences.collect();
        Self {
            consistent: differences.is_empty(),
            servers: found.servers,
            reservations: found.reservations,
            differences,
        }
    }
}
