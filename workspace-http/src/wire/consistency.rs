//! Whether memory, the store and the servers say the same.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::orchestrator;

use super::Resources;

/// What a comparison of memory, store and servers found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Consistency {
    /// Whether nothing differs among what was compared.
    consistent: bool,
    /// Servers that were looked at.
    servers: usize,
    /// Live reservations that were added up.
    reservations: usize,
    /// Books that do not agree.
    differences: Vec<Difference>,
    /// Containers, networks and volumes that were compared with the rows.
    objects: usize,
    /// What no row accounts for. Containers, networks and empty volumes are removed after a grace
    /// time; data is kept.
    strays: Vec<ServerObject>,
    /// What a row counts on and its server does not have.
    missing: Vec<ServerObject>,
    /// Servers that could not be asked.
    unanswered: Vec<Unanswered>,
}

/// A container, network or volume of the fleet.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerObject {
    /// The server's name.
    server: String,
    server_id: Uuid,
    /// `container`, `network` or `volume`.
    kind: String,
    name: String,
}

/// A server that could not be asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Unanswered {
    /// The server's name.
    pub(super) server: String,
    pub(super) reason: String,
}

impl From<orchestrator::ServerObject> for ServerObject {
    fn from(object: orchestrator::ServerObject) -> Self {
        Self {
            server: object.server_name,
            server_id: object.server.as_uuid(),
            kind: object.kind.name().to_owned(),
            name: object.name,
        }
    }
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
        let consistent = found.is_consistent();
        let differences = found.differences.into_iter().map(|difference| Difference {
            server: difference.server_name,
            server_id: difference.server.as_uuid(),
            kind: difference.kind.name().to_owned(),
            reserved: difference.reserved.into(),
            expected: difference.expected.into(),
        });
        let unanswered = found.unanswered.into_iter().map(|(server, reason)| Unanswered { server, reason });
        Self {
            consistent,
            servers: found.servers,
            reservations: found.reservations,
            differences: differences.collect(),
            objects: found.objects,
            strays: found.strays.into_iter().map(Into::into).collect(),
            missing: found.missing.into_iter().map(Into::into).collect(),
            unanswered: unanswered.collect(),
        }
    }
}
