//! A container whose program is the worker's job: served in this process.

use std::fs;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio_util::sync::CancellationToken;
use workspace_core::port::OutputStream;

use crate::container::entity::{Container, KILLED};
use crate::container::log::Log;
use crate::container::record::VARIABLE;
use crate::job::{DataSteps, JobEnd, JobSetup, serve_job};
use crate::process::ProcessHost;

/// A job and how to end it.
#[derive(Debug)]
pub(super) struct LocalJob {
    pub(super) steps: Arc<dyn DataSteps>,
    /// The job is to end.
    pub(super) asked: CancellationToken,
    /// It had its time to end.
    pub(super) killed: CancellationToken,
}

impl Container {
    /// Serves the job to its end and answers with its exit code.
    pub(super) async fn run_job(&self, host: &Arc<ProcessHost>, job: LocalJob, input: Option<Bytes>) -> i64 {
        let input = input.unwrap_or_default();
        let setup = JobSetup::new(Arc::clone(host), job.steps)
            .tree(&self.workspace)
            .cache(self.cache.clone())
            .environment(self.job_environment())
            .mark(VARIABLE, self.record().mark.clone())
            .cancel(job.asked);
        let end = tokio::select! {
            end = serve_job(&input[..], LogWriter(&self.log), setup) => end,
            () = job.killed.cancelled() => return KILLED,
        };
        if let JobEnd::Refused(error) = &end {
            self.log.append(OutputStream::Stderr, format!("worker: {}\n", error.chain()).as_bytes());
        }
        end.exit_code().into()
    }

    /// As for other programs, with a home that is not in the data.
    fn job_environment(&self) -> std::collections::BTreeMap<String, std::ffi::OsString> {
        let mut variables = self.environment();
        let home = self.folder().join("home");
        // Where it cannot be made, agents get another one.
        let _ = fs::create_dir_all(&home);
        variables.insert("HOME".to_owned(), home.into_os_string());
        variables
    }
}

/// Writes to a container's log: each write is a piece.
struct LogWriter<'a>(&'a Arc<Log>);

impl AsyncWrite for LogWriter<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.append(OutputStream::Stdout, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
