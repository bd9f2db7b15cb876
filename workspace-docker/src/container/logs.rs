//! The log of a container, with an end that can be trusted.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use futures::stream::BoxStream;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::{ContainerStatus, LogChunk, LogOptions, LogStream, OutputStream};

use crate::call::Call;
use crate::engine::{Engine, Recording};
use crate::failure::Failure;

/// After so long without a word the Engine is asked whether it lives: a program may be silent, a daemon may not.
const HEARTBEAT: Duration = Duration::from_secs(15);

type Output = BoxStream<'static, Result<LogOutput, bollard::errors::Error>>;

/// What the log's stream needs to go on.
struct Following {
    engine: Engine,
    name: String,
    follow: bool,
    /// The container had ended when the log was last silent.
    over: bool,
    output: Output,
    recording: Recording,
}

/// Reads the log.
pub(crate) async fn logs(engine: &Engine, name: &str, options: LogOptions) -> Result<LogStream> {
    let tail = options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
    let asked = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(options.follow).tail(&tail).build();
    // bollard asks only when the stream is read, and a quiet log has nothing to read: a missing container would
    // look like a silent one.
    if crate::container::find(engine, name).await?.is_none() {
        return Err(Error::not_found("container"));
    }
    let output = engine.docker().logs(name, Some(asked)).boxed();
    let state = Following {
        engine: engine.clone(),
        name: name.to_owned(),
        follow: options.follow,
        over: false,
        output,
        recording: engine.record(Call::ContainerLogs),
    };
    Ok(futures::stream::unfold(Some(state), |state| async {
        let mut state = state?;
        match next(&mut state).await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(state))),
            Ok(None) => {
                state.recording.finish(None);
                None
            }
            Err((error, failure)) => {
                state.recording.finish(failure.as_ref());
                Some((Err(error), None))
            }
        }
    })
    .boxed())
}

async fn next(state: &mut Following) -> Result<Option<LogChunk>, (Error, Option<Failure>)> {
    loop {
        match tokio::time::timeout(HEARTBEAT, state.output.next()).await {
            Ok(Some(Ok(output))) => return Ok(Some(chunk(output))),
            Ok(Some(Err(error))) => return Err((broken(state, Failure::from(error)), None)),
            Ok(None) => return ended(state).await.map(|()| None).map_err(|error| (error, None)),
            Err(_) => {
                state.engine.ping().await.map_err(|failure| (broken(state, failure), None))?;
                not_forgotten(state).await.map_err(|error| (error, None))?;
            }
        }
    }
}

/// A program may be silent as long as it runs; a log that is silent beside a container that ended will never end.
async fn not_forgotten(state: &mut Following) -> Result<()> {
    let ended = [None, Some(ContainerStatus::Exited), Some(ContainerStatus::Dead)];
    let over = state.follow && ended.contains(&status(&state.engine, &state.name).await?);
    if over && state.over {
        return Err(cut(state, "ended"));
    }
    state.over = over;
    Ok(())
}

fn broken(state: &Following, failure: Failure) -> Error {
    state.engine.error(failure, format!("read the log of container {}", state.name))
}

/// A followed log ends with its container. A daemon that dies ends it too, in the same words: so ask.
async fn ended(state: &mut Following) -> Result<()> {
    if state.follow && status(&state.engine, &state.name).await? == Some(ContainerStatus::Running) {
        return Err(cut(state, "goes on"));
    }
    Ok(())
}

async fn status(engine: &Engine, name: &str) -> Result<Option<ContainerStatus>> {
    let address = std::net::Ipv4Addr::UNSPECIFIED.into();
    Ok(crate::container::inspect(engine, name, address).await?.map(|found| found.status))
}

fn cut(state: &Following, container: &str) -> Error {
    let server = state.engine.name();
    let message = format!("server {server} cut the log of container {}, which {container}", state.name);
    Error::new(ErrorKind::Unreachable, message).hint("read the log again")
}

fn chunk(output: LogOutput) -> LogChunk {
    match output {
        LogOutput::StdErr { message } => LogChunk { stream: OutputStream::Stderr, bytes: message },
        LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
            LogChunk { stream: OutputStream::Stdout, bytes: message }
        }
    }
}
