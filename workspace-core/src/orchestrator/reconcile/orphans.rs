//! Objects without a row.
//!
//! They are removed when they were seen without a row for the grace time: long enough for a call that was given up to
//! be carried out late. Volumes are never removed here.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::error::Result;
use crate::orchestrator::Core;
use crate::port::Server;

/// Something of ours that no row knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Orphan {
    Container(String),
    Network(String),
}

/// The orphans of one server, and when each was first seen.
pub(super) type Suspects = BTreeMap<Orphan, Instant>;

impl Core {
    /// Remembers a server's orphans and removes those that were there long enough.
    pub(super) async fn sweep(
        &self,
        server: &Arc<dyn Server>,
        orphans: Vec<Orphan>,
        suspects: &mut Suspects,
    ) -> Result<()> {
        suspects.retain(|orphan, _| orphans.contains(orphan));
        // Containers sort before networks, which cannot go while a container is in them.
        for orphan in orphans {
            let since = *suspects.entry(orphan.clone()).or_insert_with(Instant::now);
            if since.elapsed() < self.config.orphan_grace {
                continue;
            }
            tracing::info!(server = %server.id(), ?orphan, "removing what no row knows");
            match &orphan {
                Orphan::Container(name) => server.remove_container(name, self.fleet).await?,
                Orphan::Network(name) => server.remove_network(name, self.fleet).await?,
            }
            suspects.remove(&orphan);
        }
        Ok(())
    }
}
