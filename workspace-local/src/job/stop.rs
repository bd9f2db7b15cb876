//! Why a job ends before its work is done.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use workspace_core::error::{Error, ErrorKind};

/// The longest time limit.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Why a job ends before its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Somebody asked for it.
    Cancelled,
    /// Its time is over.
    TimeLimit,
}

impl Why {
    pub(super) fn error(self) -> Error {
        match self {
            Self::Cancelled => Error::new(ErrorKind::Cancelled, "the job was cancelled"),
            Self::TimeLimit => Error::new(ErrorKind::TimeLimit, "the job ran into its time limit")
                .hint("give it more time, or less to do"),
        }
    }
}

/// Both ways in which a job is stopped.
#[derive(Debug)]
pub(super) struct Stop {
    cancel: CancellationToken,
    deadline: Instant,
}

impl Stop {
    /// The time begins now.
    pub(super) fn new(cancel: CancellationToken, limit: Duration) -> Self {
        Self { cancel, deadline: Instant::now() + limit.min(LONGEST) }
    }

    /// Whether the job is to end.
    pub(super) fn now(&self) -> Option<Why> {
        if self.cancel.is_cancelled() {
            Some(Why::Cancelled)
        } else {
            (Instant::now() >= self.deadline).then_some(Why::TimeLimit)
        }
    }

    /// Waits until the job is to end.
    pub(super) async fn asked(&self) -> Why {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Why::Cancelled,
            () = sleep_until(self.deadline) => Why::TimeLimit,
        }
    }
}
