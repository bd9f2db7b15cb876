//! What is done about objects without a row.
//!
//! They are seen to when they were seen without a row for the grace time: long enough for a call that was given up to
//! be carried out late. Data is never removed here: it gets a project again, or is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::error::{ErrorKind, Result};
use crate::orchestrator::Core;
use crate::orchestrator::reconcile::orphans::Orphan;
use crate::orchestrator::server_object::OrphanFate;
use crate::port::Server;

/// The orphans of one server, and when each was first seen.
pub(super) type Suspects = BTreeMap<Orphan, Instant>;

impl Core {
    /// Remembers a server's orphans, and sees to those that were there long enough.
    pub(super) async fn sweep(
        self: &Arc<Self>,
        server: &Arc<dyn Server>,
        mut orphans: Vec<Orphan>,
        suspects: &mut Suspects,
    ) -> Result<()> {
        orphans.sort_unstable();
        suspects.retain(|orphan, _| orphans.contains(orphan));
        let mut problem = None;
        for orphan in orphans {
            let since = *suspects.entry(orphan.clone()).or_insert_with(Instant::now);
            if since.elapsed() < self.config.orphan_grace {
                continue;
            }
            match self.see_to(server, &orphan).await {
                // What is kept may be empty, or nobody's, later.
                Ok(()) => _ = suspects.remove(&orphan),
                Err(error) if error.kind() == ErrorKind::Unreachable => return Err(error),
                // One that cannot be seen to keeps no other from it.
                Err(error) => problem = Some(error),
            }
        }
        problem.map_or(Ok(()), Err)
    }

    async fn see_to(self: &Arc<Self>, server: &Arc<dyn Server>, orphan: &Orphan) -> Result<()> {
        let Some(fate) = self.fate(server, orphan).await? else { return Ok(()) };
        tracing::info!(server = %server.id(), ?orphan, fate = fate.name(), "seeing to what no row knows");
        match (fate, orphan) {
            (OrphanFate::Kept, _) => Ok(()),
            (_, Orphan::Container(name) | Orphan::Helper(name)) => server.remove_container(name, self.fleet).await,
            (_, Orphan::Network(name)) => server.remove_network(name, self.fleet).await,
            (_, Orphan::Cache(name)) => server.volumes().remove_volume(name, self.fleet).await,
            (OrphanFate::Removed, Orphan::Data(found)) => self.remove_empty(server, found).await,
            (OrphanFate::TakenIn, Orphan::Data(found)) => self.take_in(server.id(), found).await,
        }
    }

    /// What becomes of an orphan as it is now; `None` when it is gone. Nothing is changed.
    pub(super) async fn fate(&self, server: &Arc<dyn Server>, orphan: &Orphan) -> Result<Option<OrphanFate>> {
        match orphan {
            Orphan::Data(found) => self.fate_of_data(server, found).await,
            Orphan::Container(_) | Orphan::Helper(_) | Orphan::Network(_) | Orphan::Cache(_) => {
                Ok(Some(OrphanFate::Removed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use crate::orchestrator::test_fleet::fleet_of;
    use crate::orchestrator::{Caller, NewWorkspace, Orchestrator};
    use crate::port::{ObjectKind, ObjectLabels, VolumeSpec};

    /// Seen twice, and the grace time between.
    async fn swept(fleet: &Orchestrator) {
        let config = &fleet.core.config;
        sleep(config.orphan_grace + 3 * config.reconcile_interval).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_cache_stays_beside_its_copy_and_goes_without_it() {
        let (world, fleet, [id]) = fleet_of(["one"]).await;
        let admin = Caller::admin();
        let row = fleet.create_workspace(&admin, NewWorkspace::new("hello", "base"), None).await.unwrap();
        fleet.wait(&admin, row.id, fleet.core.config.start_deadline).await.unwrap();
        let (core, server) = (&fleet.core, fleet.core.pool.get(id).unwrap());
        let project = core.store.project(row.desired.project).await.unwrap().unwrap();
        let copy = project.copy.clone().unwrap();
        let cache = |labels: ObjectLabels| VolumeSpec {
            name: format!("cache-{}-g{}", labels.subject, labels.generation),
            labels,
        };
        let labels = |subject, generation| core.labels(ObjectKind::Cache, subject, generation);
        let here = cache(labels(project.id.as_uuid(), copy.data_generation));
        assert_eq!(here.name, project.cache_name(&copy));
        let former = cache(labels(project.id.as_uuid(), copy.data_generation + 1));
        let unknown = cache(labels(core.env.uuid(), 1));
        for volume in [&here, &former, &unknown] {
            server.volumes().create_volume(volume).await.unwrap();
        }
        let found = fleet.consistency_check(&admin).await.unwrap();
        assert_eq!(found.strays.len(), 2, "they are shown: {found:?}");
        swept(&fleet).await;
        assert!(fleet.consistency_check(&admin).await.unwrap().is_consistent());
        let objects = world.objects("one");
        assert!(objects.iter().any(|object| object.contains(&here.name)), "{objects:?}");
        assert!(!objects.iter().any(|object| object.contains(&former.name) || object.contains(&unknown.name)));

        fleet.delete_workspace(&admin, row.id, None).await.unwrap();
        swept(&fleet).await;
        assert_eq!(world.objects("one"), [""; 0], "it went with its copy");
        fleet.shutdown().await;
    }
}
