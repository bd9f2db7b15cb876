//! Objects without a row.
//!
//! They are removed when they were seen without a row for the grace time: long enough for a call that was given up to
//! be carried out late. Data is never removed here: it gets a project again.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::error::Result;
use crate::orchestrator::Core;
use crate::orchestrator::projects::FoundData;
use crate::port::Server;

/// Something of ours that no row knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Orphan {
    Container(String),
    Network(String),
    Data(FoundData),
}

/// The orphans of one server, and when each was first seen.
pub(super) type Suspects = BTreeMap<Orphan, Instant>;

impl Core {
    /// Remembers a server's orphans, and takes those away, or in, that were there long enough.
    pub(super) async fn sweep(
        self: &Arc<Self>,
        server: &Arc<dyn Server>,
        orphans: Vec<Orphan>,
        suspects: &mut Suspects,
    ) -> Result<()> {
        suspects.retain(|orphan, _| orphans.contains(orphan));
        // Containers sort before networks, which cannot go while a container is in them, and before the data that they
        // may write.
        for orphan in orphans {
            let since = *suspects.entry(orphan.clone()).or_insert_with(Instant::now);
            if since.elapsed() < self.config.orphan_grace {
                continue;
            }
            tracing::info!(server = %server.id(), ?orphan, "seeing to what no row knows");
            match &orphan {
                Orphan::Container(name) => server.remove_container(name, self.fleet).await?,
                Orphan::Network(name) => server.remove_network(name, self.fleet).await?,
                Orphan::Data(found) => self.take_in(server.id(), found).await?,
            }
            suspects.remove(&orphan);
        }
        Ok(())
    }
}
