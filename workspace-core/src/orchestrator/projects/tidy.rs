//! Removing the volumes that a project needs no more.

use std::sync::Arc;

use crate::error::{ErrorKind, Result};
use crate::id::ProjectId;
use crate::model::{Project, ProjectCopy, ReservationPart};
use crate::orchestrator::Core;
use crate::orchestrator::projects::rescue::released;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, PageRequest, Refused, Server, Write};

impl Core {
    /// Removes the volumes of superseded copies, but never before their successor is whole; and those of a deleted
    /// project, with its row.
    pub(in crate::orchestrator) async fn tidy_project(&self, id: ProjectId) -> Result<()> {
        let mut problem = self.end_abandoned(id, None).await.err();
        let Some(project) = self.store.project(id).await? else { return Ok(()) };
        // Where there is no current copy, the data was put away, or there never was any.
        let whole = project.copy.as_ref().map_or(project.put_away > 0, |copy| copy.filled);
        let mut left = Vec::new();
        let needless = project.superseded.iter().filter(|_| whole || project.deleted);
        // Who deletes a project says that all of its data may go.
        let rescues = project.rescues.iter().filter(|_| project.deleted).map(|rescue| &rescue.copy);
        let needless: Vec<&ProjectCopy> =
            needless.chain(rescues).chain(project.copy.iter().filter(|_| project.deleted)).collect();
        if needless.is_empty() && !project.deleted {
            return problem.map_or(Ok(()), Err);
        }
        for copy in needless {
            if let Err(error) = self.remove_copy(&project, copy).await {
                left.push(copy.clone());
                problem = Some(error);
            }
        }
        let mut change = Change::by(self.lease.fence());
        if project.deleted && left.is_empty() {
            change = change
                .with(Write::Release { holder: id.as_uuid(), part: ReservationPart::Storage })
                .with_all(project.rescues.iter().flat_map(|rescue| released(rescue.holder)))
                .with(Write::RemoveProject(id));
        } else if !project.deleted {
            let expected = project.revision;
            let gone = project.superseded.iter().map(|copy| copy.data_generation).fold(project.removed, u64::max);
            let project = Project { superseded: left, removed: gone, ..project };
            change = change.with(Write::UpdateProject { project, expected });
        }
        if !change.writes.is_empty() {
            match self.commit(change).await? {
                // Somebody else changed it: the next look is theirs or ours.
                Ok(_) | Err(Refused::Stale { .. } | Refused::NotFound) => {}
                Err(refusal) => return Err(refused("project", &refusal)),
            }
        }
        problem.map_or(Ok(()), Err)
    }

    async fn remove_copy(&self, project: &Project, copy: &ProjectCopy) -> Result<()> {
        // What is no server of the fleet any more has nothing of it.
        if self.store.server(copy.server).await?.is_none() {
            return Ok(());
        }
        self.remove_data(&self.connected(copy.server)?, project, copy).await
    }

    /// Removes the volume of a copy, and before it what was kept beside it: what is left of that by a cut would have
    /// to be found by the sweep. What has the name of one and is not ours stays.
    pub(in crate::orchestrator) async fn remove_data(
        &self,
        server: &Arc<dyn Server>,
        project: &Project,
        copy: &ProjectCopy,
    ) -> Result<()> {
        match server.volumes().remove_volume(&project.cache_name(copy), self.fleet).await {
            Err(error) if error.kind() != ErrorKind::ForeignObject => return Err(error),
            _ => {}
        }
        server.volumes().remove_volume(&project.volume_name(copy), self.fleet).await
    }

    /// Looks for what earlier attempts left.
    pub(in crate::orchestrator) async fn tidy_projects(self: &Arc<Self>) -> Result<()> {
        let mut page = PageRequest::default();
        loop {
            let found = self.store.projects(None, page).await?;
            for project in &found.items {
                if (project.deleted || !project.superseded.is_empty() || !project.abandoned.is_empty())
                    && let Err(error) = self.tidy_project(project.id).await
                {
                    tracing::debug!(project = %project.id, error = error.chain(), "project not tidied");
                }
                if project.deleted {
                    continue;
                }
                if let Err(error) = self.rescue(project).await {
                    tracing::debug!(project = %project.id, error = error.chain(), "former data not rescued");
                }
                if let Err(error) = self.rescue_found(project).await {
                    tracing::debug!(project = %project.id, error = error.chain(), "found data not rescued");
                }
            }
            match found.next {
                Some(after) => page.after = Some(after),
                None => return Ok(()),
            }
        }
    }
}
