//! Taking over what a job's program says, each event once.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::{Error, ErrorKind, Result};
use crate::event::NewEvent;
use crate::job::{ACCEPTED, FINISHED, STEP};
use crate::model::{Job, JobStatus, Problem};
use crate::orchestrator::Core;
use crate::orchestrator::jobs::pass::Pass;
use crate::orchestrator::jobs::report::session_event;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, JobEvent, JobState, Refused, Write};

/// A program that was started says so within this.
const ACCEPT: Duration = Duration::from_secs(10);

/// What a job said before the end of its time is read, however late the master comes to it.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// How many events are taken over in one change.
const BATCH: usize = 64;

impl Core {
    /// Follows a job whose program was started, to its end.
    pub(super) async fn follow_job(self: &Arc<Self>, mut job: Job, poke: &Notify) -> Result<Pass> {
        let events = self.jobs.events(job.copy.server, job.id, job.seen).await?;
        let mut events = events.ready_chunks(BATCH);
        let accept = Instant::now() + ACCEPT;
        let last_words = Instant::now() + LAST_WORDS;
        let mut asked_to_end = false;
        loop {
            if job.cancel && !asked_to_end {
                self.jobs.cancel(job.copy.server, job.id).await?;
                asked_to_end = true;
            }
            tokio::select! {
                biased;
                batch = events.next() => match batch {
                    Some(batch) => {
                        if self.take_over(&mut job, batch).await? {
                            let status = outcome(&job);
                            return self.conclude(job, status, None).await;
                        }
                    }
                    None => return self.silent(job).await,
                },
                () = poke.notified() => match self.store.job(job.id).await? {
                    Some(newest) if newest.driver == job.driver => job = newest,
                    _ => return Ok(Pass::Again),
                },
                () = sleep_until(accept), if job.seen == 0 => return self.unheard(job).await,
                () = sleep_until(last_words.max(Instant::now() + self.time_left(&job))), if job.seen > 0 => {
                    return self.out_of_time(job).await;
                }
            }
        }
    }

    /// Records a batch of events; true when the last of them was the program's last.
    async fn take_over(self: &Arc<Self>, job: &mut Job, batch: Vec<Result<JobEvent>>) -> Result<bool> {
        let mut events: Vec<JobEvent> = Vec::new();
        let mut broken = None;
        for event in batch {
            match event {
                Ok(event) if event.seq > job.seen => events.push(event),
                Ok(_) => {}
                Err(error) => broken = Some(error),
            }
        }
        let last = events.last().is_some_and(|event| event.kind == FINISHED);
        if !events.is_empty() {
            self.record(job, &events).await?;
        }
        match broken {
            Some(error) if !last => Err(error),
            _ => Ok(last),
        }
    }

    async fn record(&self, job: &mut Job, events: &[JobEvent]) -> Result<()> {
        loop {
            let mut next = job.clone();
            let mut told: Vec<NewEvent> = Vec::new();
            for event in events {
                next.seen = event.seq;
                match event.kind.as_str() {
                    ACCEPTED => (next.status, next.accepted_at) = (JobStatus::Running, Some(self.env.now())),
                    STEP => next.reports.extend(serde_json::from_value(event.data.clone()).ok()),
                    _ => {}
                }
                told.extend(session_event(job, event, self.env.now()));
            }
            if next.status == JobStatus::Running {
                self.credentials.forget(job.id);
            }
            let write = Write::UpdateJob { job: Box::new(next.clone()), expected: job.revision };
            let change = Change::by(self.lease.fence()).with(write).with_all(told.into_iter().map(Write::Append));
            match self.commit(change).await? {
                Ok(_) => {
                    *job = Job { revision: job.revision + 1, ..next };
                    self.hub.wake(job.id.as_uuid());
                    return Ok(());
                }
                // Somebody wants it ended: only that changes under a driver.
                Err(Refused::Stale { .. }) => {
                    let newest = self.store.job(job.id).await?.ok_or_else(|| Error::not_found("job"))?;
                    job.cancel = newest.cancel;
                    job.revision = newest.revision;
                }
                Err(refusal) => return Err(refused("job", &refusal)),
            }
        }
    }

    /// The program does not say that it took its request, or its words do not arrive. It is ended first: then what it
    /// said is all that it will ever say, and only one that said nothing is made anew.
    async fn unheard(self: &Arc<Self>, job: Job) -> Result<Pass> {
        tracing::warn!(job = %job.id, "the job's program does not say that it took its request");
        if self.is_overdue(&job) {
            return self.abandon(job, None).await;
        }
        self.jobs.cancel(job.copy.server, job.id).await?;
        let mut words = self.jobs.events(job.copy.server, job.id, 0).await?;
        match timeout(ACCEPT, words.next()).await {
            Ok(None) => self.begin_anew(job).await,
            Ok(Some(Ok(_))) => Ok(Pass::Again),
            Ok(Some(Err(error))) => Err(error),
            Err(_) => Ok(Pass::Later),
        }
    }

    /// Ends a job that is still not over; only its server can tell whether it is gone or hangs.
    async fn out_of_time(self: &Arc<Self>, job: Job) -> Result<Pass> {
        let ended = self.jobs.cancel(job.copy.server, job.id).await;
        self.abandon(job, ended.err().as_ref()).await
    }

    /// The program's words ended without the last one.
    async fn silent(self: &Arc<Self>, job: Job) -> Result<Pass> {
        let (exit_code, out_of_memory) = match self.jobs.state(job.copy.server, job.id).await? {
            JobState::Ended { exit_code, out_of_memory } => (exit_code, out_of_memory),
            JobState::Running => return Ok(Pass::Later),
            JobState::Missing | JobState::Made => return Ok(Pass::Again),
        };
        if job.cancel {
            return self.conclude(job, JobStatus::Cancelled, None).await;
        }
        if job.status == JobStatus::Pending && !self.is_late(&job) && !out_of_memory && exit_code != Some(2) {
            // It ended before it took the request: it did nothing.
            return self.begin_anew(job).await.map(|_| Pass::Later);
        }
        let problem = if out_of_memory {
            Problem {
                code: "out_of_memory".to_owned(),
                message: "the kernel ended the job for its memory".to_owned(),
                hint: Some("give it more resources.memory_mib".to_owned()),
            }
        } else {
            let code =
                exit_code.map_or_else(|| "without an exit code".to_owned(), |code| format!("with exit code {code}"));
            let error =
                Error::new(ErrorKind::Internal, format!("the job's program ended {code} before its work was done"));
            Problem::from(&error.hint("see the master's log; try again"))
        };
        self.conclude(job, JobStatus::Failed, Some(problem)).await
    }
}

/// What the reports say of a job whose program came to its end.
fn outcome(job: &Job) -> JobStatus {
    if job.reports.iter().all(|report| report.error.is_none()) {
        JobStatus::Succeeded
    } else if job.cancel {
        JobStatus::Cancelled
    } else {
        JobStatus::Failed
    }
}
