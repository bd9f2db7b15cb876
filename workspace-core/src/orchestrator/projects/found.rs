//! Data that no row knows: the store may be older than it, as after a backup was brought back.

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::json;

use crate::error::Result;
use crate::id::{OwnerId, ProjectId, ServerId};
use crate::model::{Project, ProjectCopy, ReservationPart, SnapshotProfile};
use crate::orchestrator::Core;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, ObjectKind, Refused, VolumeSummary, Write};

/// What is said of its snapshot.
const MESSAGE: &str = "rescued: no row knew its volume";

/// A volume of ours on a server whose project has no row. Of several generations the last one sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::orchestrator) struct FoundData {
    project: ProjectId,
    data_generation: Reverse<u64>,
}

impl Core {
    /// What a volume holds that no project accounts for. List the volume before: its row is there before it is, and goes
    /// after it. One that is not labelled and named just as we do it is left alone, and so is one of a project that has
    /// a row: that may be of a copy that was given up, and was made late.
    pub(in crate::orchestrator) async fn unknown_data(&self, volume: &VolumeSummary) -> Result<Option<FoundData>> {
        let Some(labels) = volume.labels.as_ref().filter(|labels| labels.kind == ObjectKind::Project) else {
            return Ok(None);
        };
        let id = ProjectId::from_uuid(labels.subject);
        if labels != &self.labels(ObjectKind::Project, labels.subject, labels.generation)
            || self.store.project(id).await?.is_some()
        {
            return Ok(None);
        }
        let found = FoundData { project: id, data_generation: Reverse(labels.generation) };
        Ok((volume.name == format!("vol-{id}-g{}", labels.generation)).then_some(found))
    }

    /// Records a project for data that has none: an administrator's, since nobody knows whose it was. The volume is its
    /// current copy, and where there is a storage, a snapshot of it is taken.
    pub(in crate::orchestrator) async fn take_in(self: &Arc<Self>, server: ServerId, found: &FoundData) -> Result<()> {
        let FoundData { project: id, data_generation: Reverse(data_generation) } = *found;
        let copy = ProjectCopy { server, data_generation, filled: true, filled_by: None };
        let name = format!("found-{id}");
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

#[cfg(test)]
mod tests;
