//! Data that no row knows: the store may be older than it, as after a backup was brought back.

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::json;

use crate::error::{ErrorKind, Result};
use crate::id::{OwnerId, ProjectId, ServerId};
use crate::model::{Project, ProjectCopy, ReservationPart, SnapshotProfile, SnapshotStatus};
use crate::orchestrator::Core;
use crate::orchestrator::projects::rescue::PAUSE;
use crate::orchestrator::projects::sync::filled_copy;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::server_object::OrphanFate;
use crate::port::{Change, DataFilter, ObjectKind, ObjectLabels, PageRequest, Refused, Server, VolumeSummary, Write};

/// What is said of its snapshot.
const MESSAGE: &str = "rescued: no row knew its volume";

/// No project gets so far: what has such a number was not made by us, and must not count as the number of a copy.
const BEYOND: u64 = 1 << 48;

/// A volume of a copy that no row accounts for. Of several generations the last one sorts first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::orchestrator) struct FoundData {
    project: ProjectId,
    data_generation: Reverse<u64>,
    volume: String,
    /// Whether it is labelled and named just as we do it.
    ours: bool,
}

impl FoundData {
    /// The name of the volume.
    pub(in crate::orchestrator) fn volume(&self) -> &str {
        &self.volume
    }
}

impl Core {
    /// What a volume holds that neither its project nor a job that makes a copy accounts for. List the volume before:
    /// its row is there before it is, and goes after it.
    pub(in crate::orchestrator) async fn unknown_data(
        &self,
        volume: &VolumeSummary,
        server: ServerId,
    ) -> Result<Option<FoundData>> {
        let Some(labels) = volume.labels.as_ref().filter(|labels| labels.kind == ObjectKind::Project) else {
            return Ok(None);
        };
        if self.knows_copy(labels, server).await? {
            return Ok(None);
        }
        let (project, generation) = (ProjectId::from_uuid(labels.subject), labels.generation);
        let ours = labels == &self.labels(ObjectKind::Project, labels.subject, generation)
            && volume.name == format!("vol-{project}-g{generation}")
            && generation < BEYOND;
        Ok(Some(FoundData { project, data_generation: Reverse(generation), volume: volume.name.clone(), ours }))
    }

    /// What becomes of it; `None` when it was removed, or accounted for, meanwhile. What is not quite ours, and what a
    /// copy that was given up holds, is kept; what holds nothing at all is needed by nobody.
    pub(in crate::orchestrator) async fn fate_of_data(
        &self,
        server: &Arc<dyn Server>,
        found: &FoundData,
    ) -> Result<Option<OrphanFate>> {
        if !found.ours {
            return Ok(Some(OrphanFate::Kept));
        }
        let is_empty = match server.volumes().volume_is_empty(&found.volume).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            is_empty => is_empty?,
        };
        if self.knows_copy(&self.labels_of(found), server.id()).await? {
            return Ok(None);
        }
        Ok(Some(match self.store.project(found.project).await? {
            _ if is_empty => OrphanFate::Removed,
            None => OrphanFate::TakenIn,
            Some(_) => OrphanFate::Kept,
        }))
    }

    /// The labels of a volume that is ours.
    fn labels_of(&self, found: &FoundData) -> ObjectLabels {
        self.labels(ObjectKind::Project, found.project.as_uuid(), found.data_generation.0)
    }

    /// Removes a volume with nothing in it. Where its project has a row the removal is recorded there first, so that
    /// the number of the copy is not given again meanwhile.
    pub(in crate::orchestrator) async fn remove_empty(
        &self,
        server: &Arc<dyn Server>,
        found: &FoundData,
    ) -> Result<()> {
        let FoundData { project: id, data_generation: Reverse(data_generation), volume, .. } = found;
        let Some(mut project) = self.store.project(*id).await? else {
            return server.volumes().remove_volume(volume, self.fleet).await;
        };
        // After the project: who begins to make this copy from now on counts the revision up.
        if self.knows_copy(&self.labels_of(found), server.id()).await? {
            return Ok(());
        }
        let (expected, data_generation) = (project.revision, *data_generation);
        let copy = ProjectCopy { server: server.id(), data_generation, filled: false, filled_by: None };
        project.superseded.push(copy);
        let change = Change::by(self.lease.fence()).with(Write::UpdateProject { project, expected });
        match self.commit(change).await? {
            Ok(_) => self.tidy_project(*id).await,
            // Somebody else changed it: the next pass looks again.
            Err(Refused::Stale { .. } | Refused::NotFound) => Ok(()),
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }

    /// Records a project for data that has none: an administrator's, since nobody knows whose it was. The volume is its
    /// current copy, and where there is a storage, a snapshot of it is taken.
    pub(in crate::orchestrator) async fn take_in(self: &Arc<Self>, server: ServerId, found: &FoundData) -> Result<()> {
        let FoundData { project: id, data_generation: Reverse(data_generation), .. } = *found;
        let copy = ProjectCopy { server, data_generation, filled: true, filled_by: None };
        let name = name_of(id);
        let project = Project {
            copy: Some(copy.clone()),
            ..Project::new(id, OwnerId::admin(), Some(name.clone()), None, self.env.now())
        };
        let volume = project.volume_name(&copy);
        let message = || Some(MESSAGE.to_owned());
        let taken =
            self.config.storage.is_some().then(|| self.snapshot_job(&project, copy, SnapshotProfile::Full, message()));
        let snapshot = taken.as_ref().map(|(_, row)| row.id);
        let data = json!({ "project": id, "name": name, "volume": volume, "snapshot": snapshot });
        let disk = Write::Reserve {
            server,
            holder: id.as_uuid(),
            part: ReservationPart::Storage,
            resources: self.config.default_resources.only_disk(),
            even_if_cordoned: true,
        };
        let mut change = Change::by(self.lease.fence())
            .with(disk)
            .with(Write::InsertProject(project))
            .with(Write::Append(self.event(server.as_uuid(), "server.data_found", data)));
        if let Some((job, row)) = &taken {
            change =
                change.with(Write::PutSnapshot(Box::new(row.clone()))).with(Write::InsertJob(Box::new(job.clone())));
        }
        match self.commit(change).await? {
            Ok(_) => {
                tracing::warn!(%server, volume, project = name, "data that no row knew has a project again");
                if let Some((job, _)) = taken {
                    self.drive_job(job.id);
                }
                Ok(())
            }
            // Another master did.
            Err(Refused::NameTaken) => Ok(()),
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }
}

impl Core {
    /// Takes a snapshot of such a project again when all that were tried failed: until then its data is on one server
    /// alone. Who gives the project another name takes this over.
    pub(super) async fn rescue_found(self: &Arc<Self>, project: &Project) -> Result<()> {
        if self.config.storage.is_none() || project.name != Some(name_of(project.id)) {
            return Ok(());
        }
        let filter = DataFilter { project: Some(project.id), ..DataFilter::default() };
        let tried = self.store.snapshots(&filter, PageRequest { after: None, limit: 1_000 }).await?.items;
        let all_failed = tried.iter().all(|snapshot| snapshot.status == SnapshotStatus::Failed);
        let last = tried.iter().map(|snapshot| snapshot.created_at).max();
        if !all_failed || last.is_none_or(|last| self.env.now().since(last) < PAUSE) {
            return Ok(());
        }
        let message = Some(MESSAGE.to_owned());
        let (job, row) = self.snapshot_job(project, filled_copy(project)?, SnapshotProfile::Full, message);
        self.begin_job(project, job, vec![Write::PutSnapshot(Box::new(row))]).await.map(drop)
    }
}

fn name_of(project: ProjectId) -> String {
    format!("found-{project}")
}

#[cfg(test)]
mod tests;
