//! The end of a job, and what it leads to: one change.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::id::SnapshotId;
use crate::model::{
    AgentWork, Job, JobStatus, Problem, Project, ProjectCopy, ReservationPart, Session, Snapshot, SnapshotProfile,
    SnapshotStatus, SyncStep, Work,
};
use crate::orchestrator::Core;
use crate::orchestrator::jobs::copied::Fate;
use crate::orchestrator::jobs::insert::NewJob;
use crate::orchestrator::jobs::pass::Pass;
use crate::orchestrator::jobs::report::{is_agent, saved_event, terminal_event};
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
            let mut writes = self.consequences(&ended, project.as_ref(), &mut next).await?;
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
        // Held for the run of an agent, or for a copy that was being made elsewhere.
        let parts = [ReservationPart::Compute, ReservationPart::Storage];
        let mut writes = parts.map(|part| Write::Release { holder: job.id.as_uuid(), part }).to_vec();
        if let Work::Sync(steps) = &job.work {
            for step in steps {
                if let SyncStep::Snapshot { snapshot, .. } = step {
                    writes.extend(self.snapshot_ended(job, *snapshot, project).await?);
                }
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

    /// The row of a snapshot that a job is to write.
    pub(in crate::orchestrator) fn snapshot_row(
        &self,
        job: &Job,
        id: SnapshotId,
        profile: SnapshotProfile,
        message: Option<String>,
    ) -> Snapshot {
        Snapshot {
            id,
            owner: job.owner.clone(),
            project: job.project,
            data_generation: job.copy.data_generation,
            profile,
            message,
            status: SnapshotStatus::Creating,
            job: job.id,
            files: 0,
            bytes: 0,
            bytes_uploaded: 0,
            error: None,
            created_at: self.env.now(),
        }
    }

    async fn snapshot_ended(&self, job: &Job, id: SnapshotId, project: Option<&Project>) -> Result<Vec<Write>> {
        let Some(row) = self.store.snapshot(id).await? else { return Ok(Vec::new()) };
        let report = job.report("snapshot");
        let number = |field: &str| report.and_then(|report| report.report[field].as_u64()).unwrap_or(0);
        let failed = || report.and_then(|report| report.error.clone()).or_else(|| job.error.clone());
        let ready = report.is_some_and(|report| report.error.is_none());
        let row = Snapshot {
            status: if ready { SnapshotStatus::Ready } else { SnapshotStatus::Failed },
            files: number("files"),
            bytes: number("bytes"),
            bytes_uploaded: number("bytes_uploaded"),
            error: if ready { None } else { failed() },
            ..row
        };
        let saved = project.and_then(|project| project.saved).filter(|saved| saved.snapshot == id);
        let told = saved.map(|saved| Write::Append(saved_event(saved.workspace, &row, self.env.now())));
        Ok([Write::PutSnapshot(Box::new(row))].into_iter().chain(told).collect())
    }
}
