//! Whether memory, the store and the servers say the same.

mod books;
mod objects;

use futures::future::join_all;

pub use books::{Difference, DifferenceKind};

use crate::error::Result;
use crate::model::Scope;
use crate::orchestrator::{Caller, Orchestrator, ServerObject};

/// What a [`consistency_check`](Orchestrator::consistency_check) found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consistency {
    /// Servers that were looked at.
    pub servers: usize,
    /// Live reservations that were added up.
    pub reservations: usize,
    /// Books that do not agree.
    pub differences: Vec<Difference>,
    /// Containers, networks and volumes of this fleet that were compared with the rows.
    pub objects: usize,
    /// What is on a server and no row accounts for. Containers, networks and empty volumes are swept after a grace
    /// time; data gets a project again, or is kept until somebody decides. [`Orchestrator::reconcile`] tells which.
    pub strays: Vec<ServerObject>,
    /// What a row counts on and its server does not have.
    pub missing: Vec<ServerObject>,
    /// The names of servers that could not be asked, and why.
    pub unanswered: Vec<(String, String)>,
}

impl Consistency {
    /// Whether nothing differs among what was compared.
    pub fn is_consistent(&self) -> bool {
        self.differences.is_empty() && self.strays.is_empty() && self.missing.is_empty()
    }
}

impl Orchestrator {
    /// Compares the books of every server, its row with its reservations and memory with its row, and what is on it
    /// with the rows. Nothing is changed and nothing is locked: work goes on, and what differs counts only when it does
    /// look after look.
    pub async fn consistency_check(&self, caller: &Caller) -> Result<Consistency> {
        caller.require(Scope::Admin)?;
        let core = &self.core;
        let servers = core.store.servers().await?;
        let mut found = Consistency { servers: servers.len(), ..Consistency::default() };
        found.differences.extend(core.memory_differences(&servers));
        let compared = join_all(servers.iter().map(|server| core.compare_objects(&server.record))).await;
        for (server, compared) in servers.into_iter().zip(compared) {
            match compared {
                Ok(objects) => {
                    found.objects += objects.compared;
                    found.strays.extend(objects.strays);
                    found.missing.extend(objects.missing);
                }
                Err(error) => found.unanswered.push((server.record.spec.name.clone(), error.chain())),
            }
            core.check_books(server, &mut found).await?;
        }
        Ok(found)
    }
}
