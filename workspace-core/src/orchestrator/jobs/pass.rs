//! What comes next for a job.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::error::{Error, ErrorKind, Result};
use crate::id::JobId;
use crate::model::{Job, JobStatus, Problem, Work};
use crate::orchestrator::Core;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, ImageRef, JobState, ObjectKind, PullPolicy, Refused, VolumeSpec, VolumeStore, Write};

/// How a pass went.
pub(super) enum Pass {
    /// Nothing more to do for this master.
    Done,
    /// Look again at once.
    Again,
    /// Look again after a while.
    Later,
}

impl Core {
    pub(super) async fn pass_job(self: &Arc<Self>, id: JobId, poke: &Notify) -> Result<Pass> {
        let term = self.lease.term();
        let Some(job) = self.store.job(id).await? else { return Ok(Pass::Done) };
        if job.status.is_finished() {
            return self.tidy(&job).await.map(|()| Pass::Done);
        }
        if &job.driver != self.lease.fence() {
            return match self.commit(Change::by(self.lease.fence()).with(Write::AdoptJob(id))).await? {
                Ok(_) => Ok(Pass::Again),
                Err(Refused::Fenced | Refused::NotFound) => Ok(Pass::Done),
                Err(refusal) => Err(refused("job", &refusal)),
            };
        }
        tokio::select! {
            biased;
            () = self.lease.broken(term) => Ok(Pass::Again),
            pass = self.step_job(job, poke) => pass,
        }
    }

    async fn step_job(self: &Arc<Self>, job: Job, poke: &Notify) -> Result<Pass> {
        let overdue = self.is_overdue(&job);
        let is_of_server = |error: &Error| !matches!(error.kind(), ErrorKind::Fenced | ErrorKind::StoreUnavailable);
        let state = match self.jobs.state(job.copy.server, job.id).await {
            Err(error) if overdue && is_of_server(&error) => return self.abandon(job, Some(&error)).await,
            state => state?,
        };
        match (job.status, state) {
            (_, JobState::Running | JobState::Ended { .. }) => match self.follow_job(job.clone(), poke).await {
                Err(error) if overdue && is_of_server(&error) => self.abandon(job, Some(&error)).await,
                followed => followed,
            },
            _ if job.cancel => self.conclude(job, JobStatus::Cancelled, None).await,
            (JobStatus::Pending, _) if self.may_be_removed(&job) => Ok(Pass::Later),
            (JobStatus::Pending, _) => self.start_job(job, poke).await,
            // Its container is gone: somebody removed it, or the server lost it.
            _ if job.work.runs_once() => {
                let lost = Error::new(ErrorKind::Conflict, "the job was lost in the middle of its work")
                    .hint("look at what it did, and ask again");
                self.conclude(job, JobStatus::Interrupted, Some(Problem::from(&lost))).await
            }
            _ => self.begin_anew(job).await,
        }
    }

    async fn start_job(self: &Arc<Self>, job: Job, poke: &Notify) -> Result<Pass> {
        if let Work::Agent(agent) = &job.work
            && agent.has_credentials
            && self.credentials.of(job.id).is_none()
        {
            let lost = Error::new(ErrorKind::Conflict, "the master that had the agent's credentials is gone")
                .hint("execute again, with the credentials");
            return self.conclude(job, JobStatus::Interrupted, Some(Problem::from(&lost))).await;
        }
        // What an agent uses is reserved; data jobs wait for a place.
        let _place = match job.work {
            Work::Agent(_) => None,
            Work::Sync(_) => self.job_place(job.copy.server).await?,
        };
        match self.try_start(&job).await {
            Ok(()) => self.follow_job(job, poke).await,
            Err(error) if error.kind() == ErrorKind::Fenced => Err(error),
            // Not found is the jobs' network, when it was closed at this moment.
            Err(error) if (error.is_retryable() || error.kind() == ErrorKind::NotFound) && !self.is_late(&job) => {
                tracing::warn!(job = %job.id, error = error.chain(), "job not started; trying again");
                Ok(Pass::Later)
            }
            Err(error) => self.conclude(job, JobStatus::Failed, Some(Problem::from(&error))).await,
        }
    }

    /// Whether a job has had its time to be started.
    pub(super) fn is_late(&self, job: &Job) -> bool {
        self.env.now().since(job.created_at) >= self.config.start_deadline
    }

    async fn try_start(&self, job: &Job) -> Result<()> {
        let server = self.connected(job.copy.server)?;
        let spec = self.job_spec(job).await?;
        self.end_abandoned(job.project, Some(job.copy.server)).await?;
        if let Some(mount) = &spec.mount {
            self.data_volume(job, server.volumes(), mount.volume.clone()).await?;
        }
        if self.config.pull == PullPolicy::Always
            && let Some(image) = &spec.image
        {
            self.pull(&server, image).await?;
        }
        let image: Option<ImageRef> = spec.image.clone();
        match (self.jobs.start(spec.clone()).await, image) {
            (Err(error), Some(image))
                if error.kind() == ErrorKind::ImageNotFound && self.config.pull == PullPolicy::IfMissing =>
            {
                self.pull(&server, &image).await?;
                self.jobs.start(spec).await
            }
            (started, _) => started,
        }
    }

    /// The volume of a job's data is there and is the project's: a name alone tells nothing.
    async fn data_volume(&self, job: &Job, volumes: &dyn VolumeStore, name: String) -> Result<()> {
        let labels = self.labels(ObjectKind::Project, job.project.as_uuid(), job.copy.data_generation);
        if !job.copy.filled {
            return volumes.create_volume(&VolumeSpec { name, labels }).await.map(|_| ());
        }
        match volumes.inspect_volume(&name).await? {
            Some(volume) if volume.labels.as_ref() != Some(&labels) => {
                Err(Error::new(ErrorKind::ForeignObject, format!("volume {name} is not the project's"))
                    .hint("look at it on the server; remove or rename it if it is not needed"))
            }
            Some(_) => Ok(()),
            // One with data is never made anew.
            None => Err(Error::new(ErrorKind::NotFound, format!("volume {name} is not on the server any more"))
                .hint("restore the project from a snapshot")),
        }
    }

    /// Takes what is left of an attempt away; the next pass starts the job as if it had never been.
    ///
    /// That a removal of what runs once is asked for is recorded first: one that nobody heard of may take the next
    /// attempt, and that must not begin before none can come any more.
    pub(super) async fn begin_anew(&self, mut job: Job) -> Result<Pass> {
        let unheard = job.removal;
        if job.work.runs_once() {
            job.removal = Some(self.env.now());
            if !self.update_job(&job).await? {
                return Ok(Pass::Again);
            }
            job.revision += 1;
        }
        self.jobs.remove(job.copy.server, job.id).await?;
        let (status, removal) = (JobStatus::Pending, unheard);
        let fresh = Job { status, removal, seen: 0, reports: Vec::new(), accepted_at: None, ..job };
        self.update_job(&fresh).await.map(|_| Pass::Again)
    }

    /// Whether an earlier removal under its name may still be carried out.
    fn may_be_removed(&self, job: &Job) -> bool {
        job.removal.is_some_and(|asked| self.env.now().since(asked) < self.config.orphan_grace)
    }

    /// Writes a job down; false when it is another one by now.
    async fn update_job(&self, job: &Job) -> Result<bool> {
        let write = Write::UpdateJob { job: Box::new(job.clone()), expected: job.revision };
        match self.commit(Change::by(self.lease.fence()).with(write)).await? {
            Ok(_) => Ok(true),
            Err(Refused::Stale { .. }) => Ok(false),
            Err(refusal) => Err(refused("job", &refusal)),
        }
    }
}
