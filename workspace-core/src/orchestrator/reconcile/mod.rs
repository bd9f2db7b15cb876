//! The periodic pass over everything: level-triggered, without input, its own retry.
//!
//! Every server's objects are listed first and the rows read after: an object is only ever made after its row, so one
//! without a row is an orphan ([`orphans`]). A container that ended by itself is [`died`]'s.

mod died;
mod expired;
mod orphans;

use std::sync::Arc;

use tokio::time::Instant;

use crate::error::Result;
use crate::id::WorkspaceId;
use crate::model::{Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::reconcile::orphans::{Orphan, Suspects};
use crate::port::{ObjectKind, ObjectLabels, Server};

/// Compares rows and servers, for ever.
pub(super) async fn keep_reconciling(core: Arc<Core>) {
    let mut suspects = Suspects::default();
    let mut next_listing = Instant::now();
    loop {
        if let Err(error) = core.take_up_work().await {
            tracing::warn!(error = error.chain(), "unsettled workspaces not read");
        }
        if Instant::now() >= next_listing {
            core.compare_all(&mut suspects).await;
            if let Err(error) = core.expire().await {
                tracing::warn!(error = error.chain(), "expired workspaces not deleted");
            }
            next_listing = Instant::now() + core.config.reconcile_interval;
        }
        tokio::time::sleep(core.config.poll_interval).await;
    }
}

impl Core {
    /// Drives what is not settled and ours to drive; drivers that are at it look whether their row has changed.
    async fn take_up_work(self: &Arc<Self>) -> Result<()> {
        for id in self.store.unsettled_workspaces(self.lease.fence()).await? {
            self.drive(id);
        }
        Ok(())
    }

    async fn compare_all(self: &Arc<Self>, suspects: &mut Suspects) {
        let servers = match self.store.servers().await {
            Ok(servers) => servers,
            Err(error) => return tracing::warn!(error = error.chain(), "servers not read"),
        };
        for server in servers {
            let Some(connected) = self.pool.get(server.record.id) else { continue };
            if let Err(error) = self.compare(&connected, suspects).await {
                tracing::debug!(server = server.record.spec.name, error = error.chain(), "server not compared");
            }
        }
    }

    async fn compare(self: &Arc<Self>, server: &Arc<dyn Server>, suspects: &mut Suspects) -> Result<()> {
        let containers = server.list_containers(self.fleet).await?;
        let networks = server.list_networks(self.fleet).await?;
        let mut orphans = Vec::new();
        for container in &containers {
            let Some(labels) = of_workspace(container.labels.as_ref()) else { continue };
            match self.row_of(labels, server).await? {
                Some(row) if labels.generation >= row.observed.generation => {
                    self.compare_container(&row, container).await?;
                }
                _ => orphans.push(Orphan::Container(container.name.clone())),
            }
        }
        for network in &networks {
            let Some(labels) = of_workspace(network.labels.as_ref()) else { continue };
            if self.row_of(labels, server).await?.is_none() {
                orphans.push(Orphan::Network(network.name.clone()));
            }
        }
        self.compare_missing(server.id(), &containers).await?;
        self.sweep(server, orphans, suspects).await
    }

    /// The workspace that an object belongs to, unless it is gone or elsewhere.
    async fn row_of(&self, labels: &ObjectLabels, server: &Arc<dyn Server>) -> Result<Option<Workspace>> {
        let row = self.store.workspace(WorkspaceId::from_uuid(labels.subject)).await?;
        let here = |row: &Workspace| row.observed.status != Status::Deleted && row.desired.server == Some(server.id());
        Ok(row.filter(here))
    }
}

/// The labels of a workspace's object.
fn of_workspace(labels: Option<&ObjectLabels>) -> Option<&ObjectLabels> {
    labels.filter(|labels| labels.kind == ObjectKind::Workspace)
}
