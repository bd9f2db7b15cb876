//! Recording a job.

use std::sync::Arc;

use crate::error::Result;
use crate::id::{JobId, SessionId};
use crate::model::{Job, JobStatus, Project, ProjectCopy, Work};
use crate::orchestrator::Core;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Write};

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
            finished_at: None,
        }
    }

    /// Records a job together with what belongs to it, and starts to drive it.
    pub(in crate::orchestrator) async fn begin_job(self: &Arc<Self>, job: Job, with: Vec<Write>) -> Result<Job> {
        let change = Change::by(self.lease.fence()).with_all(with).with(Write::InsertJob(Box::new(job.clone())));
        match self.commit(change).await? {
            Ok(_) => {
                self.drive_job(job.id);
                Ok(job)
            }
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }
}
