//! The periodic pass over everything: level-triggered, without input, its own retry.
//!
//! Every server's objects are listed first and the rows read after: an object is only ever made after its row, so one
//! without a row is an orphan ([`orphans`]), which is seen to after a grace time ([`sweep`]). A container that ended by
//! itself is [`died`]'s, a server that stays away [`lost`]'s. What is on a server that is drained moves away
//! ([`drain`]), and so does what is lost where its owner wants that ([`failover`]).

mod died;
mod drain;
mod expired;
mod failover;
mod idle;
mod jobs_network;
mod lost;
mod on_request;
mod orphans;
mod pass;
mod prune;
mod sweep;

pub use on_request::{Orphaned, Reconciled};
pub(super) use orphans::{Listed, Orphan};
pub(super) use pass::Pass;

use std::sync::Arc;

use futures::future::join_all;
use tokio::time::{sleep, timeout};

use crate::error::Result;
use crate::orchestrator::Core;
use crate::orchestrator::reconcile::drain::Asked;
use crate::orchestrator::reconcile::lost::Away;
use crate::orchestrator::reconcile::sweep::Suspects;
use crate::port::Server;

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
    let mut away = Away::new();
    let (mut to_drain, mut to_fail_over) = (Asked::new(), Asked::new());
    let mut pruned = None;
    loop {
        let pass = core.pass.begin();
        if let Err(error) = core.compare_all().await {
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
        core.pass.end(pass);
        let _ = timeout(core.config.reconcile_interval, core.pass.asked_for()).await;
    }
}

impl Core {
    /// Compares the servers side by side, so that one that hangs holds no other up.
    async fn compare_all(self: &Arc<Self>) -> Result<()> {
        let term = self.lease.term();
        let servers = self.store.servers().await?;
        let mut seen = self.pass.seen();
        seen.retain(|id, _| servers.iter().any(|server| server.record.id == *id));
        for server in &servers {
            seen.entry(server.record.id).or_default();
        }
        join_all(seen.iter_mut().map(|(&id, suspects)| async move {
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
        self.pass.saw(seen);
        Ok(())
    }

    async fn compare(self: &Arc<Self>, server: &Arc<dyn Server>, suspects: &mut Suspects) -> Result<()> {
        let listed = self.list_objects(server).await?;
        let (orphans, known) = self.match_rows(server, &listed).await?;
        for (row, container) in known {
            self.compare_container(&row, server, container).await?;
        }
        self.close_jobs_network(server, &listed.containers, &listed.networks).await;
        self.compare_missing(server, &listed.containers).await?;
        self.sweep(server, orphans, suspects).await
    }
}
