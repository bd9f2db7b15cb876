//! The periodic pass over everything: level-triggered, without input, its own retry.
//!
//! Every server's objects are listed first and the rows read after: an object is only ever made after its row, so one
//! without a row is an orphan ([`orphans`]). A container that ended by itself is [`died`]'s, a server that stays away
//! [`lost`]'s. What is on a server that is drained moves away ([`drain`]), and so does what is lost where its owner
//! wants that ([`failover`]).

mod died;
mod drain;
mod expired;
mod failover;
mod idle;
mod jobs_network;
mod lost;
mod orphans;
mod prune;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use tokio::time::sleep;

use crate::error::Result;
use crate::id::{JobId, ServerId, WorkspaceId};
use crate::model::{Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::reconcile::drain::Asked;
use crate::orchestrator::reconcile::lost::Away;
use crate::orchestrator::reconcile::orphans::{Orphan, Suspects};
use crate::port::{ObjectKind, ObjectLabels, Server};

/// Takes up what is not settled and ours to drive, for ever; drivers that are at it look whether their row changed.
pub(super) async fn keep_working(core: Arc<Core>) {
    loop {
        match core.store.unsettled_workspaces(core.lease.fence()).await {
            Ok(ids) => ids.into_iter().for_each(|id| core.drive(id)),
            Err(error) => tracing::warn!(error = error.chain(), "unsettled workspaces not read"),
        }
        match core.store.unfinished_jobs(core.lease.fence()).await {
            Ok(ids) => ids.into_iter().for_each(|id| core.drive_job(id)),
            Err(error) => tracing::warn!(error = error.chain(), "unfinished jobs not read"),
        }
        sleep(core.config.poll_interval).await;
    }
}

/// Compares rows and servers, for ever.
pub(super) async fn keep_reconciling(core: Arc<Core>) {
    let (mut suspects, mut away) = (BTreeMap::new(), Away::new());
    let (mut to_drain, mut to_fail_over) = (Asked::new(), Asked::new());
    let mut pruned = None;
    loop {
        if let Err(error) = core.compare_all(&mut suspects).await {
            tracing::warn!(error = error.chain(), "servers not compared");
        }
        if let Err(error) = core.show_lost(&mut away, &mut to_fail_over).await {
            tracing::warn!(error = error.chain(), "lost workspaces not shown");
        }
        if let Err(error) = core.drain_servers(&mut to_drain).await {
            tracing::warn!(error = error.chain(), "servers not drained");
        }
        if let Err(error) = core.stop_idle().await {
            tracing::warn!(error = error.chain(), "idle workspaces not stopped");
        }
        if let Err(error) = core.expire().await {
            tracing::warn!(error = error.chain(), "expired workspaces not deleted");
        }
        if let Err(error) = core.watch_all().await {
            tracing::warn!(error = error.chain(), "health not watched");
        }
        if let Err(error) = core.tidy_projects().await {
            tracing::warn!(error = error.chain(), "projects not tidied");
        }
        if let Err(error) = core.prune(&mut pruned).await {
            tracing::warn!(error = error.chain(), "history not pruned");
        }
        sleep(core.config.reconcile_interval).await;
    }
}

impl Core {
    /// Compares the servers side by side, so that one that hangs holds no other up.
    async fn compare_all(self: &Arc<Self>, suspects: &mut BTreeMap<ServerId, Suspects>) -> Result<()> {
        let term = self.lease.term();
        let servers = self.store.servers().await?;
        suspects.retain(|id, _| servers.iter().any(|server| server.record.id == *id));
        for server in &servers {
            suspects.entry(server.record.id).or_default();
        }
        join_all(suspects.iter_mut().map(|(&id, suspects)| async move {
            let Some(server) = self.pool.get(id) else { return };
            let compared = tokio::select! {
                biased;
                () = self.lease.broken(term) => return,
                compared = self.compare(&server, suspects) => compared,
            };
            if let Err(error) = compared {
                tracing::debug!(server = %id, error = error.chain(), "server not compared");
            }
        }))
        .await;
        Ok(())
    }

    async fn compare(self: &Arc<Self>, server: &Arc<dyn Server>, suspects: &mut Suspects) -> Result<()> {
        let containers = server.list_containers(self.fleet).await?;
        let networks = server.list_networks(self.fleet).await?;
        let volumes = server.volumes().list_volumes(self.fleet).await?;
        let mut orphans = Vec::new();
        for container in &containers {
            if let Some(labels) = container.labels.as_ref().filter(|labels| labels.kind == ObjectKind::Job)
                && !self.is_at_work(labels).await?
            {
                orphans.push(Orphan::Container(container.name.clone()));
            }
            let Some(labels) = of_workspace(container.labels.as_ref()) else { continue };
            match self.row_of(labels, server).await? {
                Some(row) if labels.generation >= row.observed.generation => {
                    self.compare_container(&row, server, container).await?;
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
        for volume in &volumes {
            orphans.extend(self.unknown_data(volume).await?.map(Orphan::Data));
            if let Some(labels) = volume.labels.as_ref().filter(|labels| labels.kind == ObjectKind::Cache)
                && !self.knows_copy(labels, server.id()).await?
            {
                orphans.push(Orphan::Cache(volume.name.clone()));
            }
        }
        self.close_jobs_network(server, &containers, &networks).await;
        self.compare_missing(server, &containers).await?;
        self.sweep(server, orphans, suspects).await
    }

    /// Whether a job's container is still wanted. Its driver removes it right after the end.
    pub(super) async fn is_at_work(&self, labels: &ObjectLabels) -> Result<bool> {
        let job = self.store.job(JobId::from_uuid(labels.subject)).await?;
        Ok(job.is_some_and(|job| !job.status.is_finished()))
    }

    /// The workspace that an object belongs to, unless it is gone or elsewhere.
    pub(super) async fn row_of(&self, labels: &ObjectLabels, server: &Arc<dyn Server>) -> Result<Option<Workspace>> {
        let row = self.store.workspace(WorkspaceId::from_uuid(labels.subject)).await?;
        let here = |row: &Workspace| row.observed.status != Status::Deleted && row.desired.server == Some(server.id());
        Ok(row.filter(here))
    }
}

/// The labels of a workspace's object.
fn of_workspace(labels: Option<&ObjectLabels>) -> Option<&ObjectLabels> {
    labels.filter(|labels| labels.kind == ObjectKind::Workspace)
}
