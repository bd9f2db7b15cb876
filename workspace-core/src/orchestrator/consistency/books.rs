//! Whether the books are right: what servers have reserved is what their reservations add up to.

use crate::error::Result;
use crate::id::ServerId;
use crate::model::ServerState;
use crate::orchestrator::Core;
use crate::orchestrator::consistency::Consistency;
use crate::resources::Resources;

/// A server's books are read this often before a difference counts: claims go on meanwhile.
const LOOKS: usize = 5;

/// Books that do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The server.
    pub server: ServerId,
    /// Its name.
    pub server_name: String,
    /// What does not agree.
    pub kind: DifferenceKind,
    /// What the server's row says.
    pub reserved: Resources,
    /// What it should say.
    pub expected: Resources,
}

/// Which books do not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// What the row has reserved is not the sum of the live reservations.
    Reservations,
    /// The memory in which placement decides does not have what the row says, after it took it over.
    Memory,
    /// More is reserved than the limits allow. After an admin lowered the limits that is as it should be; no claim can
    /// do it.
    OverLimit,
}

impl DifferenceKind {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reservations => "reservations",
            Self::Memory => "memory",
            Self::OverLimit => "over_limit",
        }
    }
}

impl Core {
    pub(super) fn memory_differences(&self, servers: &[ServerState]) -> Vec<Difference> {
        let mut books = self.ledger.lock();
        books.ledger.sync(servers);
        let differs = |server: &&ServerState| {
            let view = books.ledger.key(server.record.id).and_then(|key| books.ledger.server(key));
            view.is_none_or(|view| view.reserved() != server.reserved)
        };
        let memory = |server: &ServerState| {
            let view = books.ledger.key(server.record.id).and_then(|key| books.ledger.server(key));
            difference(server, DifferenceKind::Memory, view.map(|view| view.reserved()).unwrap_or_default())
        };
        servers.iter().filter(differs).map(memory).collect()
    }

    pub(super) async fn check_books(&self, mut server: ServerState, found: &mut Consistency) -> Result<()> {
        let id = server.record.id;
        for look in 1..=LOOKS {
            let live = self.store.reservations(id, false).await?;
            let sum = live.iter().fold(Resources::default(), |sum, held| sum.plus(held.resources));
            if sum == server.reserved || look == LOOKS {
                found.reservations += live.len();
                if sum != server.reserved {
                    found.differences.push(difference(&server, DifferenceKind::Reservations, sum));
                }
                break;
            }
            // Forgotten meanwhile: then it had none.
            let Some(again) = self.store.server(id).await? else { return Ok(()) };
            server = again;
        }
        let limits = server.record.limits();
        if server.reserved.first_over(&limits).is_some() {
            found.differences.push(difference(&server, DifferenceKind::OverLimit, limits));
        }
        Ok(())
    }
}

fn difference(server: &ServerState, kind: DifferenceKind, expected: Resources) -> Difference {
    Difference {
        server: server.record.id,
        server_name: server.record.spec.name.clone(),
        kind,
        reserved: server.reserved,
        expected,
    }
}
