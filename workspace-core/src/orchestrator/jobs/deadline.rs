//! The end of a job that nobody tells.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Job, JobStatus, Problem, Work};
use crate::orchestrator::Core;
use crate::orchestrator::jobs::conclude::Ending;
use crate::orchestrator::jobs::pass::Pass;

/// What a job may take beyond its limit, which its program keeps by itself: to end what it started, and for a server
/// that was away to come back with the last words.
const GRACE: Duration = Duration::from_mins(2);

impl Core {
    /// The limit that a job's program keeps.
    pub(super) fn time_limit(&self, work: &Work) -> Duration {
        match work {
            Work::Agent(agent) => Duration::from_secs(agent.time_limit_seconds),
            Work::Sync(_) => self.config.job_time_limit,
        }
    }

    /// How long the master still waits for the start of a job or, once its program took the request, for its end.
    pub(super) fn time_left(&self, job: &Job) -> Duration {
        let (since, limit) = match job.accepted_at {
            None => (job.created_at, self.config.start_deadline),
            Some(at) => (at, self.time_limit(&job.work) + GRACE),
        };
        limit.saturating_sub(self.env.now().since(since))
    }

    /// Whether a job has had all its time.
    pub(super) fn is_overdue(&self, job: &Job) -> bool {
        self.time_left(job).is_zero()
    }

    /// Gives up a job that had its time: because of `lost`, its server not telling, or else because it goes on. What
    /// may still run of it is removed before anything else works on the data.
    pub(super) async fn abandon(self: &Arc<Self>, job: Job, lost: Option<&Error>) -> Result<Pass> {
        tracing::warn!(job = %job.id, error = lost.map(Error::chain), "job given up at its time limit");
        let error = match lost {
            Some(lost) => {
                Error::new(ErrorKind::Unreachable, format!("the job's server did not tell its end in time: {lost}"))
                    .hint("see the server's last_error; when it is back, look at what the job did, and ask again")
            }
            None if job.accepted_at.is_none() => {
                Error::new(ErrorKind::TimeLimit, "the job's program did not take its request in time")
                    .hint("see that the worker image fits the server, and try again")
            }
            None => Error::new(ErrorKind::TimeLimit, "the job went on beyond its time limit, and was ended")
                .hint("give it more time, or less to do"),
        };
        // What an agent or a push did cannot be taken back, and nobody knows how far it came.
        let unknown = lost.is_some() && job.accepted_at.is_some() && job.work.runs_once();
        let status = if unknown { JobStatus::Interrupted } else { JobStatus::Failed };
        self.conclude_as(job, Ending { status, error: Some(Problem::from(&error)), abandoned: true }).await
    }
}
