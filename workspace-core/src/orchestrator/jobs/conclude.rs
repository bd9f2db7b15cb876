//! The end of a job, and what it leads to: one change.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::id::SnapshotId;
use crate::model::{
    AgentWork, Job, JobStatus, Problem, Project, ProjectCopy, Session, Snapshot, SnapshotProfile, SyncStep, Work,
};
use crate::orchestrator::Core;
use crate::orchestrator::jobs::copied::Fate;
use crate::orchestrator::jobs::insert::NewJob;
use crate::orchestrator::jobs::pass::Pass;
use crate::orchestrator::jobs::report::{is_agent, terminal_event};
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

/// How a job ended.
pub(super) struct Ending {
    pub(super) status: JobStatus,
    /// Why it failed.
    pub(super) error: Option<Problem>,
    /// Whether its program may still run.
    pub(super) abandoned: bool,
}

impl Core {
    /// Records how a job ended.
    pub(super) async fn conclude(
        self: &Arc<Self>,
        job: Job,
        status: JobStatus,
        error: Option<Problem>,
    ) -> Result<Pass> {
        self.conclude_as(job, Ending { status, error, abandoned: false }).await
    }

    /// Records that a job ended like this.
    pub(super) async fn conclude_as(self: &Arc<Self>, mut job: Job, ending: Ending) -> Result<Pass> {
        loop {
            let project = self.store.project(job.project).await?;
            let fate = match &project {
                Some(project) => self.fate_of_copy(&job, project).await?,
                None => Fate::Unchanged,
            };
            let (status, error) = match &fate {
                Fate::InTheWay(obstacle) => (JobStatus::Failed, Some(obstacle.clone())),
                _ => (ending.status, ending.error.clone()),
            };
            let ended = Job { status, error, finished_at: Some(self.env.now()), ..job.clone() };
            let mut next = None;
            let mut writes = fate.released(&ended);
            writes.extend(self.consequences(&ended, project.as_ref(), &mut next).await?);
            if let Some(project) = &project {
                writes.extend(self.carry_out(&fate, &ended, ending.abandoned, project).await?);
            }
            let update = Write::UpdateJob { job: Box::new(ended.clone()), expected: job.revision };
            match self.commit(Change::by(self.lease.fence()).with(update).with_all(writes)).await? {
                Ok(_) => {
                    tracing::info!(job = %job.id, status = ended.status.name(), error = ?ended.error, "job ended");
                    self.hub.wake(job.id.as_uuid());
                    if let Some(next) = next {
                        self.drive_job(next);
                    }
                    return Ok(Pass::Again);
                }
                // The job or the project was changed meanwhile.
                Err(Refused::Stale { .. }) => {
                    job = self.store.job(job.id).await?.ok_or_else(|| Error::not_found("job"))?;
                }
                Err(refusal) => return Err(refused("job", &refusal)),
            }
        }
    }

    /// What is written together with the end of a job; `next` is the job that follows it.
    async fn consequences(
        &self,
        job: &Job,
        project: Option<&Project>,
        next: &mut Option<crate::id::JobId>,
    ) -> Result<Vec<Write>> {
        let mut writes = Vec::new();
        if let Work::Sync(steps) = &job.work {
            for step in steps {
                writes.extend(self.told_of_snapshot(job, step, project).await?);
            }
        }
        if let (Work::Agent(agent), JobStatus::Succeeded, Some(project)) = (&job.work, job.status, project)
            && !agent.on_success.is_empty()
        {
            let (finish, snapshot) = self.finishing(job, agent, project).await?;
            *next = Some(finish.id);
            writes.push(Write::InsertJob(Box::new(finish)));
            writes.extend(snapshot.map(|snapshot| Write::PutSnapshot(Box::new(snapshot))));
        } else if is_agent(job) {
            writes.extend(terminal_event(job, job, self.env.now()).map(Write::Append));
        } else if let Some(run) = job.finishes
            && let Some(run) = self.store.job(run).await?
        {
            writes.extend(terminal_event(job, &run, self.env.now()).map(Write::Append));
        }
        Ok(writes)
    }

    /// The job that commits, pushes and snapshots what an agent did.
    async fn finishing(&self, run: &Job, agent: &AgentWork, project: &Project) -> Result<(Job, Option<Snapshot>)> {
        let session: Option<Session> = match run.session {
            Some(id) => self.store.session(id).await?,
            None => None,
        };
        let message = session.as_ref().map_or_else(|| "work of an agent".to_owned(), |session| session.title.clone());
        let wanted = agent.on_success;
        let mut steps = Vec::new();
        if wanted.commit || wanted.push {
            let branch = session.map(|session| session.branch);
            steps.push(SyncStep::Push { message: message.clone(), branch, publish: wanted.push });
        }
        let snapshot = SnapshotId::from_uuid(self.env.uuid());
        if wanted.snapshot {
            let message = Some(message);
            steps.push(SyncStep::Snapshot { snapshot, profile: SnapshotProfile::Full, message });
        }
        let copy = ProjectCopy { filled: true, ..run.copy.clone() };
        let work = Work::Sync(steps);
        let job = self.job_row(NewJob { project, copy, session: run.session, finishes: Some(run.id), work });
        let row = wanted.snapshot.then(|| self.snapshot_row(&job, snapshot, SnapshotProfile::Full, None));
        Ok((job, row))
    }
}
