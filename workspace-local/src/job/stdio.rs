//! A job on stdin and stdout.

use std::io;
use std::os::fd::AsFd as _;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::channel::pipe;
use crate::job::serve::{JobEnd, serve_job};
use crate::job::setup::JobSetup;

/// Serves one job on this process's stdin and stdout; `SIGTERM` cancels it. For a program that does nothing else.
///
/// An agent is the same user as this process, whose stdout is the master's only word of the job and whose memory may
/// still hold what the steps before needed to get in. So this process is closed to all but the system's own
/// administrator: its descriptors, memory and environment are not to be had below `/proc`, nor by tracing.
///
/// # Errors
/// When signals or the pipes cannot be used.
pub async fn serve_job_stdio(setup: JobSetup) -> io::Result<JobEnd> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let cancel = CancellationToken::new();
    let setup = setup.cancel(cancel.clone());
    let mut asked = signal(SignalKind::terminate())?;
    let serving = async {
        // The fast way needs pipes; anything else goes through threads.
        match (pipe(io::stdin().as_fd()), pipe(io::stdout().as_fd())) {
            (Some(stdin), Some(stdout)) => {
                Ok(serve_job(Receiver::from_owned_fd(stdin)?, Sender::from_owned_fd(stdout)?, setup).await)
            }
            _ => Ok(serve_job(tokio::io::stdin(), tokio::io::stdout(), setup).await),
        }
    };
    tokio::pin!(serving);
    tokio::select! {
        end = &mut serving => return end,
        _ = asked.recv() => cancel.cancel(),
    }
    serving.await
}
