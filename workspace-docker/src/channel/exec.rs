//! One `docker exec`, attached.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::errors::Error as Bollard;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures::stream::BoxStream;
use tokio::io::AsyncWrite;
use workspace_core::error::{Error, ErrorKind, Result};

use crate::call::Call;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::server::not_running;

/// The Engine sends pieces of up to 32 KiB, each behind a header of 8 bytes.
const PIECE: usize = 32 * 1024 + 8;

/// What a started exec is.
pub(crate) struct Attached {
    /// The Engine's id of it.
    pub(crate) id: String,
    /// What it writes, split.
    pub(crate) output: BoxStream<'static, Result<LogOutput, Bollard>>,
    /// Its stdin.
    pub(crate) input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// Starts a program in a container, as the container's user: two calls.
pub(crate) async fn start(engine: &Engine, container: &str, config: ExecConfig) -> Result<Attached> {
    let config = ExecConfig { attach_stdout: Some(true), attach_stderr: Some(true), ..config };
    let made = engine.call(Call::ExecCreate, engine.docker().create_exec(container, config)).await;
    let id = made.map_err(|failure| refused(engine, container, failure))?.id;
    let options = StartExecOptions { output_capacity: Some(PIECE), ..StartExecOptions::default() };
    let started = engine.call(Call::ExecStart, engine.docker().start_exec(&id, Some(options))).await;
    match started.map_err(|failure| refused(engine, container, failure))? {
        StartExecResults::Attached { output, input } => Ok(Attached { id, output, input }),
        StartExecResults::Detached => Err(Error::new(ErrorKind::Internal, "the Engine did not attach to the program")),
    }
}

fn refused(engine: &Engine, container: &str, failure: Failure) -> Error {
    let gone = failure.is_status(404) && failure.says("no such container");
    if gone || failure.says("is not running") {
        return not_running(container);
    }
    engine.error(failure, format!("run a program in container {container}"))
}

/// The exit code of a program that ended.
pub(crate) async fn exit_code(engine: &Engine, id: &str) -> Result<i32> {
    let answer = engine
        .call(Call::ExecInspect, engine.docker().inspect_exec(id))
        .await
        .map_err(|failure| engine.error(failure, "tell how a program ended"))?;
    let code = answer.exit_code.and_then(|code| i32::try_from(code).ok());
    code.ok_or_else(|| {
        Error::new(ErrorKind::Unreachable, format!("server {} cut the output of a program that runs on", engine.name()))
    })
}
