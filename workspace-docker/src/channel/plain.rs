//! A channel without the worker: one `docker exec` for each program, and no files.

use std::time::Duration;

use async_trait::async_trait;
use bollard::container::LogOutput;
use bollard::models::ExecConfig;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::{Channel, ExecEnd, ExecEvent, ExecRequest, ExecStream, FileContent, FileEntry, PortCheck};

use super::exec::{self, Attached};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::worker::missing;

/// A program that says nothing for so long was started: one that does not exist is told sooner.
const STARTED: Duration = Duration::from_millis(500);
/// How the Engine begins when it cannot start a program; it says so where the program's output would be.
const NOT_STARTED: &[u8] = b"OCI runtime exec failed";

/// Runs programs by plain `docker exec`.
#[derive(Debug)]
pub(crate) struct PlainChannel {
    engine: Engine,
    container: String,
}

impl PlainChannel {
    pub(crate) fn new(engine: Engine, container: &str) -> Self {
        Self { engine, container: container.to_owned() }
    }
}

/// A program that runs.
struct Running {
    engine: Engine,
    id: String,
    output: BoxStream<'static, Result<LogOutput, bollard::errors::Error>>,
    /// What was read while it was not clear whether the program started.
    first: Option<LogOutput>,
    /// Writes the input; kept so that it ends with the program.
    feeding: Option<tokio::task::JoinHandle<()>>,
    started: Instant,
    deadline: Instant,
    left: u64,
    truncated: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(feeding) = &self.feeding {
            feeding.abort();
        }
    }
}

impl Running {
    fn new(engine: Engine, attached: Attached, request: &ExecRequest) -> Self {
        let Attached { id, output, mut input } = attached;
        let stdin = request.stdin.clone();
        let feeding = stdin.map(|stdin| {
            tokio::spawn(async move {
                // A program need not read what it is given.
                let _ = input.write_all(&stdin).await;
                let _ = input.shutdown().await;
            })
        });
        let started = Instant::now();
        let deadline = started + request.timeout;
        Self {
            engine,
            id,
            output,
            first: None,
            feeding,
            started,
            deadline,
            left: request.output_limit,
            truncated: false,
        }
    }

    /// Waits until it is clear whether the program started.
    async fn begin(mut self, program: &str) -> Result<Self> {
        let until = self.deadline.min(self.started + STARTED);
        let Ok(first) = timeout_at(until, self.output.next()).await else { return Ok(self) };
        match first {
            Some(Ok(first)) => {
                if first.as_ref().starts_with(NOT_STARTED) {
                    return Err(not_started(program, &String::from_utf8_lossy(first.as_ref())));
                }
                self.first = Some(first);
            }
            Some(Err(error)) => return Err(self.engine.error(Failure::from(error), "run a program")),
            None => {}
        }
        Ok(self)
    }

    async fn next(&mut self) -> Result<ExecEvent> {
        loop {
            let output = match self.first.take() {
                Some(first) => Some(Ok(first)),
                None => match timeout_at(self.deadline, self.output.next()).await {
                    Ok(output) => output,
                    Err(_) => return Ok(self.ended(ExecEnd::TimeLimit)),
                },
            };
            match output {
                Some(Ok(output)) => {
                    if let Some(event) = self.kept(output) {
                        return Ok(event);
                    }
                }
                Some(Err(error)) => return Err(self.engine.error(Failure::from(error), "read what a program writes")),
                None => {
                    let code = exec::exit_code(&self.engine, &self.id).await?;
                    return Ok(self.ended(ExecEnd::Exited(code)));
                }
            }
        }
    }

    /// What is left of a piece of output within the limit.
    fn kept(&mut self, output: LogOutput) -> Option<ExecEvent> {
        let stderr = matches!(output, LogOutput::StdErr { .. });
        let mut bytes = output.into_bytes();
        let room = usize::try_from(self.left).unwrap_or(usize::MAX);
        if bytes.len() > room {
            bytes.truncate(room);
            self.truncated = true;
        }
        self.left -= bytes.len() as u64;
        if bytes.is_empty() {
            return None;
        }
        Some(if stderr { ExecEvent::Stderr(bytes) } else { ExecEvent::Stdout(bytes) })
    }

    fn ended(&self, end: ExecEnd) -> ExecEvent {
        ExecEvent::Ended { end, truncated: self.truncated, duration: self.started.elapsed() }
    }
}

fn not_started(program: &str, words: &str) -> Error {
    Error::new(ErrorKind::ProgramNotFound, format!("{program:?} cannot be run: {}", words.trim()))
        .hint("check the program's name against the image")
}

/// Below `/workspace`, unless it is absolute.
fn directory(cwd: Option<&str>) -> String {
    match cwd {
        None | Some("") => "/workspace".to_owned(),
        Some(absolute) if absolute.starts_with('/') => absolute.to_owned(),
        Some(relative) => format!("/workspace/{relative}"),
    }
}

#[async_trait]
impl Channel for PlainChannel {
    fn is_open(&self) -> bool {
        true // there is nothing that could be closed
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecStream> {
        let program = request.argv.first().cloned().ok_or_else(|| Error::invalid("argv", "there is no program"))?;
        let config = ExecConfig {
            cmd: Some(request.argv.clone()),
            env: Some(request.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            working_dir: Some(directory(request.cwd.as_deref())),
            attach_stdin: Some(request.stdin.is_some()),
            ..ExecConfig::default()
        };
        let attached = exec::start(&self.engine, &self.container, config).await?;
        let running = Running::new(self.engine.clone(), attached, &request).begin(&program).await?;
        Ok(futures::stream::unfold(Some(running), |running| async {
            let mut running = running?;
            let event = running.next().await;
            let last = !matches!(event, Ok(ExecEvent::Stdout(_) | ExecEvent::Stderr(_)));
            Some((event, (!last).then_some(running)))
        })
        .boxed())
    }

    async fn check_port(&self, _: &PortCheck, _: Duration) -> Result<Option<String>> {
        Err(missing("looking at a port"))
    }

    async fn read_file(&self, _: &str) -> Result<FileContent> {
        Err(missing("reading a file"))
    }

    async fn write_file(&self, _: &str, _: Bytes, _: Option<u32>) -> Result<FileEntry> {
        Err(missing("writing a file"))
    }

    async fn list_files(&self, _: &str, _: u32) -> Result<Vec<FileEntry>> {
        Err(missing("listing files"))
    }

    async fn delete_file(&self, _: &str) -> Result<()> {
        Err(missing("deleting a file"))
    }
}
