//! Recording a job.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::id::{JobId, SessionId};
use crate::model::{Job, JobStatus, Project, ProjectCopy, Work};
use crate::orchestrator::Core;
use crate::orchestrator::projects::{data_changed, in_use};
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

/// A job to record.
pub(in crate::orchestrator) struct NewJob<'a> {
    pub(in crate::orchestrator) project: &'a Project,
    pub(in crate::orchestrator) copy: ProjectCopy,
    pub(in crate::orchestrator) session: Option<SessionId>,
    pub(in crate::orchestrator) finishes: Option<JobId>,
    pub(in crate::orchestrator) work: Work,
}

impl Core {
    /// The row of a new job of this master.
    pub(in crate::orchestrator) fn job_row(&self, new: NewJob<'_>) -> Job {
        Job {
            id: JobId::from_uuid(self.env.uuid()),
            owner: new.project.owner.clone(),
            project: new.project.id,
            copy: new.copy,
            session: new.session,
            finishes: new.finishes,
            work: new.work,
            status: JobStatus::Pending,
            cancel: false,
            seen: 0,
            reports: Vec::new(),
            error: None,
            revision: 1,
            driver: self.lease.fence().clone(),
            created_at: self.env.now(),
            accepted_at: None,
            removal: None,
            finished_at: None,
        }
    }

    /// Records a job on a project as it was read, together with what belongs to it, and starts to drive it.
    pub(in crate::orchestrator) async fn begin_job(
        self: &Arc<Self>,
        project: &Project,
        job: Job,
        with: Vec<Write>,
    ) -> Result<Job> {
        let mut newest = project.clone();
        loop {
            let change = Change::by(self.lease.fence())
                .with(in_use(&newest))
                .with_all(with.clone())
                .with(Write::InsertJob(Box::new(job.clone())));
            match self.commit(change).await? {
                Ok(_) => {
                    self.drive_job(job.id);
                    return Ok(job);
                }
                Err(Refused::Stale { .. }) => newest = self.with_the_same_data(project).await?,
                Err(refusal) => return Err(refused("project", &refusal)),
            }
        }
    }

    /// A project as it is now, as long as its data is what it was: a row changes for other reasons too.
    pub(in crate::orchestrator) async fn with_the_same_data(&self, project: &Project) -> Result<Project> {
        let newest = self.store.project(project.id).await?.ok_or_else(|| Error::not_found("project"))?;
        if newest.deleted || newest.copy != project.copy { Err(data_changed()) } else { Ok(newest) }
    }
}
