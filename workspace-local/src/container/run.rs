//! Starting a container, its end, and stopping it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use rustix::process::Signal;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use workspace_core::clock::{Clock as _, SystemClock};
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::{ContainerStatus, ExecEnd, OutputStream};

use crate::channel::working_dir;
use crate::container::entity::Container;
use crate::container::job::LocalJob;
use crate::container::log::Log;
use crate::container::record::{Record, VARIABLE};
use crate::files::remove_folder;
use crate::job::DataSteps;
use crate::process::{Entry, Inherited, Limits, Output, ProcessHost, Program, Running, Tree, carry, signal};
use crate::server::disk_error;

/// How long a kill may take.
const KILL: Duration = Duration::from_secs(15);

/// What a container tells that was asked to end and had nothing to run: ended by the signal that asks.
const ASKED: i64 = 143;

/// What runs.
#[derive(Debug)]
pub(crate) struct Life {
    /// Everything that carries the container's mark.
    tree: Tree,
    /// The program; `None` for a container that only idles.
    program: Option<Entry>,
    /// Wakes one that only idles, and cancels a job.
    asked: CancellationToken,
    /// Drops a job that was asked to end and did not.
    killed: CancellationToken,
    /// It is over, and written down.
    pub(super) over: CancellationToken,
}

/// What a container does.
enum Work {
    /// Nothing, until it is asked to end.
    Idle,
    /// Its program.
    Program(Running),
    /// The worker's job, in this process.
    Job(LocalJob),
}

impl Life {
    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }
}

impl Output for Arc<Log> {
    fn write(&self, stream: OutputStream, bytes: Bytes) -> BoxFuture<'_, ()> {
        self.append(stream, &bytes);
        std::future::ready(()).boxed()
    }
}

impl Container {
    /// Starts it; one that runs is started already. `jobs` are what jobs need, where they are served.
    pub(crate) async fn start(
        self: &Arc<Self>,
        host: &Arc<ProcessHost>,
        input: Option<Bytes>,
        jobs: Option<Arc<dyn DataSteps>>,
    ) -> Result<()> {
        let _turn = self.turn.lock().await;
        if self.gone.load(Ordering::Acquire) {
            return Err(Error::not_found("container"));
        }
        if self.life().is_some() {
            return Ok(());
        }
        let record = self.record().clone();
        if input.is_some() && !record.open_stdin {
            return Err(Error::new(ErrorKind::Conflict, "the container was made without a stdin"));
        }
        let tree = Tree::marked(&record.variable());
        let (asked, killed) = (CancellationToken::new(), CancellationToken::new());
        let work = match jobs.filter(|_| record.is_job()) {
            Some(steps) => Work::Job(LocalJob { steps, asked: asked.clone(), killed: killed.clone() }),
            None if record.command.is_empty() => Work::Idle,
            None => Work::Program(host.spawn(self.program(record, input.is_some()))?),
        };
        {
            let mut record = self.record();
            record.status = ContainerStatus::Running;
            record.exit_code = None;
            record.started_at = Some(SystemClock.now());
            record.finished_at = None;
        }
        let program = if let Work::Program(running) = &work { Entry::read(running.pid()) } else { None };
        let over = CancellationToken::new();
        *self.life() = Some(Life { tree: tree.clone(), program, asked: asked.clone(), killed, over });
        self.running.send_replace(true);
        let (container, host) = (Arc::clone(self), Arc::clone(host));
        tokio::spawn(async move {
            let code = match work {
                Work::Program(running) => container.run(running, input).await,
                Work::Job(job) => container.run_job(&host, job, input).await,
                Work::Idle => {
                    asked.cancelled().await;
                    ASKED
                }
            };
            tree.end().await;
            container.ended(code);
        });
        self.save()
    }

    fn program(&self, record: Record, stdin: bool) -> Program {
        Program {
            argv: record.command,
            cwd: self.working_dir(record.working_dir.as_deref()),
            inherited: Inherited::Only(self.environment()),
            env: record.env,
            stdin,
            marks: vec![(VARIABLE, record.mark)],
        }
    }

    fn working_dir(&self, told: Option<&str>) -> PathBuf {
        working_dir(&self.workspace, told)
    }

    /// Carries the program to its end and answers with its code.
    async fn run(&self, mut running: Running, input: Option<Bytes>) -> i64 {
        let limits = Limits { timeout: Duration::MAX, output: u64::MAX };
        let mut left_behind = Vec::new();
        let input = stream::iter(input).boxed();
        match carry(&mut running, input, &self.log, limits, &mut left_behind).await {
            Ok(ended) => match ended.end {
                ExecEnd::Exited(code) => i64::from(code),
                ExecEnd::TimeLimit => ASKED,
            },
            Err(error) => {
                tracing::warn!(container = self.name(), error = error.chain(), "the end of a container is not known");
                -1
            }
        }
    }

    /// Writes down that it ended.
    fn ended(&self, code: i64) {
        {
            let mut record = self.record();
            record.status = ContainerStatus::Exited;
            record.exit_code = Some(code);
            record.finished_at = Some(SystemClock.now());
        }
        if !self.gone.load(Ordering::Acquire)
            && let Err(error) = self.save()
        {
            tracing::warn!(container = self.name(), error = error.chain(), "the end of a container was not kept");
        }
        let life = self.life().take();
        self.running.send_replace(false);
        if let Some(life) = life {
            life.over.cancel();
        }
    }

    /// Asks the program to end, and ends everything after the grace; one that does not run is stopped already.
    pub(crate) async fn stop(&self, grace: Duration) -> Result<()> {
        let _turn = self.turn.lock().await;
        self.end(grace).await
    }

    async fn end(&self, grace: Duration) -> Result<()> {
        let (killed, over, tree) = {
            let life = self.life();
            let Some(life) = life.as_ref() else { return Ok(()) };
            life.asked.cancel();
            if let Some(program) = life.program.filter(|_| !grace.is_zero()) {
                signal(&program, Signal::TERM);
            }
            (life.killed.clone(), life.over.clone(), life.tree.clone())
        };
        if timeout(grace, over.cancelled()).await.is_ok() {
            return Ok(());
        }
        killed.cancel();
        tree.end().await;
        timeout(KILL, over.cancelled()).await.map_err(|_elapsed| {
            Error::new(ErrorKind::Timeout, format!("container {} does not end", self.name()))
                .hint("look for processes that hang in the kernel")
        })
    }

    /// Ends and removes it; a removed one is removed already.
    pub(crate) async fn remove(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        if self.gone.load(Ordering::Acquire) {
            return Ok(());
        }
        self.end(Duration::ZERO).await?;
        self.gone.store(true, Ordering::Release);
        let folder = self.folder().to_owned();
        tokio::task::spawn_blocking(move || {
            // First the record: half a container is none.
            match std::fs::remove_file(folder.join("container.json")) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            remove_folder(&folder)
        })
        .await
        .map_err(|lost| Error::new(ErrorKind::Internal, "the container's folder was not removed").source(lost))?
        .map_err(disk_error)
    }

    /// The server is let go of: everything ends at once, and nothing is written any more.
    pub(crate) fn abandon(&self) {
        self.gone.store(true, Ordering::Release);
        if let Some(life) = self.life().as_ref() {
            life.asked.cancel();
            life.killed.cancel();
            life.tree.end_now();
        }
    }
}
