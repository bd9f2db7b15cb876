//! A channel into a simulated container.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, ErrorKind, Result};
use crate::port::{Channel, ExecEnd, ExecEvent, ExecRequest, ExecStream, FileContent, FileEntry, PortCheck};
use crate::testing::sim::PortCall;
use crate::testing::sim::machine::Machine;
use crate::testing::sim::program::Program;
use crate::testing::sim::tree::Tree;
use crate::testing::sim::wire::Wire;

/// A channel into one run of a simulated container.
#[derive(Debug)]
pub(super) struct SimChannel {
    wire: Wire,
    container: String,
    run: u64,
    broken: AtomicBool,
}

impl SimChannel {
    pub(super) fn new(wire: Wire, container: &str, run: u64) -> Self {
        Self { wire, container: container.to_owned(), run, broken: AtomicBool::new(false) }
    }

    /// Does something with the files at `/workspace`.
    async fn files<T: Send + 'static>(
        &self,
        call: PortCall,
        path: &str,
        act: impl FnOnce(&mut Tree) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (name, run) = (self.container.clone(), self.run);
        let subject = format!("{name} {path}");
        let answer = self
            .wire
            .ask(call, &subject, move |machine| {
                if !lives(machine, &name, run) {
                    return Err(ended());
                }
                act(machine.workspace(&name).ok_or_else(ended)?)
            })
            .await;
        self.judge(answer)
    }

    /// A channel whose server does not answer is broken for good.
    fn judge<T>(&self, answer: Result<T>) -> Result<T> {
        match answer {
            Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Unreachable) => {
                self.broken.store(true, Ordering::Relaxed);
                Err(ended().source(error))
            }
            answer => answer,
        }
    }
}

#[async_trait]
impl Channel for SimChannel {
    fn is_open(&self) -> bool {
        let alive = self.wire.world().look(self.wire.server(), |machine| lives(machine, &self.container, self.run));
        !self.broken.load(Ordering::Relaxed) && alive.unwrap_or(false)
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecStream> {
        let (name, run) = (self.container.clone(), self.run);
        let subject = format!("{name} {:?}", request.argv);
        if request.argv.is_empty() {
            return Err(Error::invalid("argv", "a program is needed"));
        }
        let asked = request.clone();
        let started = self.wire.ask(PortCall::Exec, &subject, move |machine| {
            let container = machine.containers.get(&name).filter(|_| lives(machine, &name, run)).ok_or_else(ended)?;
            let mut env = container.spec.env.clone();
            env.extend(asked.env.clone());
            program(machine, &name, &asked, &env).ok_or_else(|| {
                Error::new(ErrorKind::ProgramNotFound, format!("no such program: {:?}", asked.argv.first()))
            })
        });
        let program = self.judge(started.await)?;
        Ok(self.output(&request, &program))
    }

    /// What a container publishes answers.
    async fn check_port(&self, check: &PortCheck, _: Duration) -> Result<Option<String>> {
        let (name, run) = (self.container.clone(), self.run);
        let (PortCheck::Tcp { port } | PortCheck::Http { port, .. }) = *check;
        let subject = format!("{name} {check:?}");
        let asked = self.wire.ask(PortCall::Exec, &subject, move |machine| {
            let container = machine.containers.get(&name).filter(|_| lives(machine, &name, run)).ok_or_else(ended)?;
            Ok((!container.spec.ports.contains(&port)).then(|| format!("nothing takes connections at port {port}")))
        });
        self.judge(asked.await)
    }

    async fn read_file(&self, path: &str) -> Result<FileContent> {
        let owned = path.to_owned();
        self.files(PortCall::ReadFile, path, move |tree| tree.read(&owned)).await
    }

    async fn write_file(&self, path: &str, bytes: Bytes, mode: Option<u32>) -> Result<FileEntry> {
        let (owned, at) = (path.to_owned(), self.wire.world().now());
        self.files(PortCall::WriteFile, path, move |tree| tree.write(&owned, bytes, mode, at)).await
    }

    async fn list_files(&self, path: &str, depth: u32) -> Result<Vec<FileEntry>> {
        let owned = path.to_owned();
        self.files(PortCall::ListFiles, path, move |tree| tree.list(&owned, depth)).await
    }

    async fn delete_file(&self, path: &str) -> Result<()> {
        let owned = path.to_owned();
        self.files(PortCall::DeleteFile, path, move |tree| tree.delete(&owned)).await
    }
}

impl SimChannel {
    /// What a program writes, and how it ends: by itself, at its time limit, or with its container.
    fn output(&self, request: &ExecRequest, program: &Program) -> ExecStream {
        let started = Instant::now();
        let limit = usize::try_from(request.output_limit).unwrap_or(usize::MAX);
        let truncated = program.stdout.len() + program.stderr.len() > limit;
        let stdout = program.stdout.slice(..program.stdout.len().min(limit));
        let stderr = program.stderr.slice(..program.stderr.len().min(limit - stdout.len()));
        let first = (!stdout.is_empty()).then_some(Ok(ExecEvent::Stdout(stdout))).into_iter();
        let first = first.chain((!stderr.is_empty()).then_some(Ok(ExecEvent::Stderr(stderr))));
        let by_itself = program.ends_after.filter(|after| *after <= request.timeout);
        let until = started + by_itself.unwrap_or(request.timeout);
        let end = by_itself.map_or(ExecEnd::TimeLimit, |_| ExecEnd::Exited(program.exit_code));
        let (wire, name, run) = (self.wire.clone(), self.container.clone(), self.run);
        let last = async move {
            let mut changes = wire.world().changes();
            loop {
                changes.mark_heard();
                if wire.world().look(wire.server(), |machine| lives(machine, &name, run)) != Some(true) {
                    return Err(ended());
                }
                tokio::select! {
                    biased;
                    () = sleep_until(until) => break,
                    () = changes.heard() => {}
                }
            }
            let duration: Duration = started.elapsed();
            Ok(ExecEvent::Ended { end, truncated, duration })
        };
        stream::iter(first).chain(stream::once(last)).boxed()
    }
}

/// What a request runs. `cat` reads the workspace's files besides its input.
fn program(machine: &mut Machine, name: &str, asked: &ExecRequest, env: &BTreeMap<String, String>) -> Option<Program> {
    match &asked.argv[..] {
        [cat, path] if cat == "cat" => {
            let content = machine.workspace(name).map(|tree| tree.read(path.trim_start_matches("/workspace/")));
            let shell = ["echo", ">&2", "no", "such", "file;", "exit", "1"].map(str::to_owned);
            match content {
                Some(Ok(content)) => Program::new(&["cat".to_owned()], env, Some(&content.bytes)),
                _ => Program::new(&["sh".to_owned(), "-c".to_owned(), shell.join(" ")], env, None),
            }
        }
        argv => Program::new(argv, env, asked.stdin.as_ref()),
    }
}

/// Whether this run of the container still goes on.
fn lives(machine: &Machine, name: &str, run: u64) -> bool {
    machine.up && machine.containers.get(name).is_some_and(|container| container.run == run && container.is_running())
}

fn ended() -> Error {
    Error::new(ErrorKind::Unreachable, "the channel is closed").hint("try again when the workspace runs")
}
