//! Whether every object on a server has its row, and every row its objects.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ProjectId, ServerId};
use crate::model::{Project, ProjectCopy, ServerRecord, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::reconcile::{Listed, Orphan};
use crate::orchestrator::server_object::{ServerObject, ServerObjectKind};
use crate::port::{JobFilter, ObjectLabels, PageRequest, Server, WorkspaceFilter};

/// One look at a server.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) compared: usize,
    pub(super) strays: Vec<ServerObject>,
    pub(super) missing: Vec<ServerObject>,
}

impl Core {
    /// What is on a server, compared with the rows. What differs is looked at twice: objects come and go meanwhile.
    pub(super) async fn compare_objects(&self, record: &ServerRecord) -> Result<Objects> {
        let server = self.pool.get(record.id);
        let server = server.ok_or_else(|| Error::new(ErrorKind::Unreachable, "the server is not connected"))?;
        let mut first = self.look_at_objects(&server, record).await?;
        if !first.strays.is_empty() || !first.missing.is_empty() {
            let again = self.look_at_objects(&server, record).await?;
            first.strays.retain(|object| again.strays.contains(object));
            first.missing.retain(|object| again.missing.contains(object));
        }
        Ok(first)
    }

    async fn look_at_objects(&self, server: &Arc<dyn Server>, record: &ServerRecord) -> Result<Objects> {
        let listed = self.list_objects(server).await?;
        let Listed { containers, networks, volumes } = &listed;
        let (orphans, _) = self.match_rows(server, &listed).await?;
        let mut found = Objects { compared: containers.len() + networks.len() + volumes.len(), ..Objects::default() };
        // What prepares a volume is gone in a moment.
        let strays = orphans.iter().filter(|orphan| !matches!(orphan, Orphan::Helper(_)));
        found.strays.extend(strays.map(|orphan| ServerObject::on(record, orphan.kind(), orphan.name())));
        let here =
            WorkspaceFilter { server: Some(record.id), status: Some(Status::Running), ..WorkspaceFilter::default() };
        for row in self.every_workspace(&here).await?.into_iter().filter(Workspace::is_settled) {
            let name = row.container_name(row.observed.generation);
            if !containers.iter().any(|container| container.name == name) {
                found.missing.push(ServerObject::on(record, ServerObjectKind::Container, &name));
            }
            let Some(project) = self.store.project(row.desired.project).await? else { continue };
            let copy = project.copy.as_ref().filter(|copy| copy.filled && copy.server == record.id);
            let Some(name) = copy.map(|copy| project.volume_name(copy)) else { continue };
            if !volumes.iter().any(|volume| volume.name == name) {
                found.missing.push(ServerObject::on(record, ServerObjectKind::Volume, &name));
            }
        }
        Ok(found)
    }

    /// Whether a project, or a job that makes a copy for it, accounts for the copy that a volume is of.
    pub(in crate::orchestrator) async fn knows_copy(&self, labels: &ObjectLabels, server: ServerId) -> Result<bool> {
        let id = ProjectId::from_uuid(labels.subject);
        let is_it = |copy: &ProjectCopy| copy.server == server && copy.data_generation == labels.generation;
        if self.store.project(id).await?.is_some_and(|project: Project| project.copies().any(is_it)) {
            return Ok(true);
        }
        let filter = JobFilter { project: Some(id), finished: Some(false), ..JobFilter::default() };
        let jobs = self.store.jobs(&filter, PageRequest { after: None, limit: 1_000 }).await?;
        Ok(jobs.items.iter().any(|job| is_it(&job.copy)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::orchestrator::test_fleet::fleet_of;
    use crate::orchestrator::{Caller, NewWorkspace};
    use crate::port::{ContainerSpec, ImageRef};

    #[tokio::test(start_paused = true)]
    async fn what_no_row_knows_and_what_is_not_there_are_shown() {
        let (world, fleet, [id]) = fleet_of(["one"]).await;
        let admin = Caller::admin();
        let row = fleet.create_workspace(&admin, NewWorkspace::new("hello", "base"), None).await.unwrap();
        let row = fleet.wait(&admin, row.id, Duration::from_mins(1)).await.unwrap();
        let found = fleet.consistency_check(&admin).await.unwrap();
        assert!(found.is_consistent() && found.objects == 3, "{found:?}");

        let server = fleet.core.pool.get(id).unwrap();
        let name = row.container_name(1);
        let mut labels = server.inspect_container(&name).await.unwrap().unwrap().labels.unwrap();
        assert!(world.remove_behind("one", &name));
        labels.subject = fleet.core.env.uuid();
        server.create_container(&ContainerSpec::new("ws-stray", ImageRef::new("base"), labels)).await.unwrap();
        let found = fleet.consistency_check(&admin).await.unwrap();
        let names = |objects: &[ServerObject]| -> Vec<String> {
            objects.iter().map(|object| format!("{} {}", object.kind.name(), object.name)).collect()
        };
        assert_eq!(names(&found.strays), ["container ws-stray"]);
        assert_eq!(names(&found.missing), [format!("container {name}")]);

        world.hang("one", Duration::from_mins(5));
        let found = fleet.consistency_check(&admin).await.unwrap();
        assert_eq!((found.unanswered.len(), found.is_consistent()), (1, true), "what was not asked is said: {found:?}");
        fleet.shutdown().await;
    }
}
