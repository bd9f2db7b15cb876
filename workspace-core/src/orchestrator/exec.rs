//! Running a program in a workspace.

use std::time::Duration;

use futures::StreamExt;

use crate::error::{Error, ErrorKind, Result};
use crate::id::WorkspaceId;
use crate::model::Scope;
use crate::orchestrator::{Caller, Orchestrator, validate};
use crate::port::{ExecEnd, ExecEvent, ExecRequest, ExecStream};

/// The longest that one exec may take.
const MAX_TIMEOUT: Duration = Duration::from_hours(24);

/// Everything about a program that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutput {
    /// How it ended.
    pub end: ExecEnd,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
    /// Whether output was dropped.
    pub truncated: bool,
    /// From start to end.
    pub duration: Duration,
}

impl Orchestrator {
    /// Runs a program in a running workspace and streams what it does. Dropping the stream ends the program with
    /// everything that it started.
    ///
    /// # Errors
    /// `NotRunning`, `ProgramNotFound`, `Invalid`.
    pub async fn exec_stream(&self, caller: &Caller, id: WorkspaceId, request: ExecRequest) -> Result<ExecStream> {
        let row = self.core.workspace_of(caller, Scope::Exec, id).await?;
        if request.argv.first().is_none_or(String::is_empty) {
            return Err(Error::invalid("argv", "a program is needed"));
        }
        validate::command(&request.argv)?;
        validate::env("env", &request.env)?;
        if request.timeout.is_zero() || request.timeout > MAX_TIMEOUT {
            return Err(Error::invalid("timeout", "the timeout must be between a millisecond and 24 hours"));
        }
        if request.cwd.as_deref().is_some_and(|cwd| cwd.split('/').any(|part| part == ".." || part.contains('\0'))) {
            return Err(Error::invalid("cwd", "the folder must not contain `..`"));
        }
        let in_use = self.core.uses.begin(id);
        let events = self.core.channel_in_use(&row).await?.exec(request).await?;
        Ok(events.inspect(move |_| in_use.goes_on()).boxed())
    }

    /// Runs a program in a running workspace and waits for its end. A program that ran into its time limit is no
    /// error here: [`ExecOutput::end`] says so, with the output up to then.
    ///
    /// # Errors
    /// As [`Orchestrator::exec_stream`]; `Unreachable` when the channel broke, and then the program was ended.
    pub async fn exec(&self, caller: &Caller, id: WorkspaceId, request: ExecRequest) -> Result<ExecOutput> {
        let mut events = self.exec_stream(caller, id, request).await?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(event) = events.next().await {
            match event? {
                ExecEvent::Stdout(bytes) => stdout.extend_from_slice(&bytes),
                ExecEvent::Stderr(bytes) => stderr.extend_from_slice(&bytes),
                ExecEvent::Ended { end, truncated, duration } => {
                    return Ok(ExecOutput { end, stdout, stderr, truncated, duration });
                }
            }
        }
        Err(Error::new(ErrorKind::Unreachable, "the channel ended before the program did"))
    }
}
