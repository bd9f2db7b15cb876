//! A pass because somebody asks for it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Scope, ServerRecord};
use crate::orchestrator::reconcile::Orphan;
use crate::orchestrator::reconcile::sweep::Suspects;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Core, Orchestrator, OrphanFate, ServerObject};
use crate::port::Server;

/// How long a pass that was asked for is waited for: one with a server that hangs takes its deadlines.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often an orphan is looked at again where that failed, and how long is waited before.
const RETRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(300);

/// What a pass over the servers does about what no row knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Servers that were looked at.
    pub servers: usize,
    /// What no row accounts for.
    pub orphans: Vec<Orphaned>,
    /// The names of servers that could not be asked, and why.
    pub unanswered: Vec<(String, String)>,
}

/// An object that no row accounts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphaned {
    /// The object.
    pub object: ServerObject,
    /// What becomes of it.
    pub fate: OrphanFate,
    /// When: it must have been seen as it is for so long yet.
    pub due: Duration,
}

impl Orchestrator {
    /// Runs a pass over rows and servers right now, and tells what no row accounts for after it. What was not seen for
    /// [`orphan_grace`](crate::orchestrator::Config::orphan_grace) is not removed by that either. A dry run is only a
    /// look: nothing is changed, and nothing counts as seen.
    ///
    /// # Errors
    /// [`Timeout`](ErrorKind::Timeout) when the pass takes longer than a minute, as beside a server that hangs; it goes
    /// on.
    pub async fn reconcile(&self, caller: &Caller, dry_run: bool) -> Result<Reconciled> {
        caller.require(Scope::Admin)?;
        let core = &self.core;
        if !dry_run {
            let asked = core.asked(caller.asks("fleet.reconcile"), core.fleet.as_uuid(), None);
            core.commit(asked).await?.map_err(|refusal| refused("fleet", &refusal))?;
            let ended = timeout(PATIENCE, core.pass.now()).await;
            ended.map_err(|_| {
                Error::new(ErrorKind::Timeout, "the pass over the servers takes longer than a minute")
                    .hint("it goes on; look at the servers' availability, or ask again")
            })?;
        }
        let servers = core.store.servers().await?;
        let mut seen = core.pass.seen();
        let looks = servers.iter().map(|server| {
            let suspects = seen.remove(&server.record.id).unwrap_or_default();
            core.orphans_of(&server.record, suspects)
        });
        let looks = join_all(looks.collect::<Vec<_>>()).await;
        let mut found = Reconciled { servers: servers.len(), ..Reconciled::default() };
        for (server, look) in servers.into_iter().zip(looks) {
            match look {
                Ok(orphans) => found.orphans.extend(orphans),
                Err(error) => found.unanswered.push((server.record.spec.name, error.chain())),
            }
        }
        Ok(found)
    }
}

impl Core {
    async fn orphans_of(self: &Arc<Self>, record: &ServerRecord, suspects: Suspects) -> Result<Vec<Orphaned>> {
        let server = self.connected(record.id)?;
        let listed = self.list_objects(&server).await?;
        let (orphans, _) = self.match_rows(&server, &listed).await?;
        let mut found = Vec::with_capacity(orphans.len());
        for orphan in orphans {
            // What prepares a volume or looks into one is gone in a moment: it is one only when it is still there.
            if matches!(orphan, Orphan::Helper(_)) && !suspects.contains_key(&orphan) {
                continue;
            }
            let Some(fate) = self.fate_at_rest(&server, &orphan).await? else { continue };
            let seen_for = suspects.get(&orphan).map_or(Duration::ZERO, Instant::elapsed);
            let due = self.config.orphan_grace.saturating_sub(seen_for);
            let object = ServerObject::on(record, orphan.kind(), orphan.name());
            found.push(Orphaned { object, fate, due });
        }
        Ok(found)
    }

    /// What becomes of an orphan. The pass that goes on beside this may take a volume away under the look into it: then
    /// there is nothing to be seen a moment later.
    async fn fate_at_rest(self: &Arc<Self>, server: &Arc<dyn Server>, orphan: &Orphan) -> Result<Option<OrphanFate>> {
        for _ in 0..RETRIES {
            match self.fate(server, orphan).await {
                Err(error) if !matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout) => {
                    sleep(PAUSE).await;
                }
                fate => return fate,
            }
        }
        self.fate(server, orphan).await
    }
}
