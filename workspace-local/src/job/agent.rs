//! Running an agent.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWrite;
use tokio::time::{sleep, timeout};
use workspace_core::channel::ExecEnded;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::job::AgentStep;
use workspace_core::model::{Problem, StepReport};
use workspace_core::port::ExecEnd;

use crate::job::events::Events;
use crate::job::output::AgentOutput;
use crate::job::setup::JobSetup;
use crate::job::stop::{Stop, Why};
use crate::process::{Inherited, Limits, Program, Running, Tree, carry, signal};

/// The longest prompt that goes into the environment too, in bytes: the system takes 128 KiB a variable.
const PROMPT: usize = 100 << 10;

/// How long an agent that was asked to end may take.
const GRACE: Duration = Duration::from_secs(4);

/// How long the end of an ended program may take to be seen.
const KILL: Duration = Duration::from_secs(5);

/// Runs the agent to its end, and ends everything that it started.
pub(super) async fn run<W: AsyncWrite + Unpin + Send>(
    setup: &JobSetup,
    tree: &Path,
    step: &AgentStep,
    events: &Events<W>,
    until: &Stop,
) -> StepReport {
    let done = match setup.host.spawn(program(setup, tree, step)) {
        Ok(running) => follow(running, step, events, until).await,
        Err(error) => Err(error),
    };
    let (report, error) = match done {
        Ok(0) => (json!({ "exit_code": 0 }), None),
        Ok(code) => (json!({ "exit_code": code }), Some(agent_failed(code))),
        Err(error) => (Value::Null, Some(Problem::from(&error))),
    };
    StepReport { step: "agent".to_owned(), report, error }
}

fn program(setup: &JobSetup, tree: &Path, step: &AgentStep) -> Program {
    let secrets = step.env.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned()));
    let mut env: BTreeMap<String, String> = secrets.collect();
    if step.prompt.len() <= PROMPT && !step.prompt.contains('\0') {
        env.insert("WORKSPACE_PROMPT".to_owned(), step.prompt.clone());
    }
    Program {
        argv: step.argv.clone(),
        cwd: tree.to_owned(),
        inherited: Inherited::Only(setup.inherited()),
        env,
        stdin: true,
        marks: setup.marks.clone(),
    }
}

/// Carries the program to its end, or ends it; answers with its exit code.
async fn follow<W: AsyncWrite + Unpin + Send>(
    mut running: Running,
    step: &AgentStep,
    events: &Events<W>,
    until: &Stop,
) -> Result<i32> {
    let tree = running.tree().clone();
    let output = AgentOutput::new(events);
    let asked = OnceLock::new();
    let ended = {
        let limits = Limits { timeout: Duration::MAX, output: u64::MAX };
        let input = stream::iter([Bytes::from(step.prompt.clone())]).boxed();
        let mut left_behind = Vec::new();
        let carried = carry(&mut running, input, &output, limits, &mut left_behind);
        tokio::pin!(carried);
        tokio::select! {
            ended = &mut carried => Some(ended),
            // Whatever it says until its end is still heard.
            () = end_when_asked(&tree, until, &asked) => timeout(KILL, &mut carried).await.ok(),
        }
    };
    tree.end().await;
    output.finish().await;
    match (asked.get(), ended) {
        (Some(why), _) => Err(why.error()),
        (None, Some(Ok(ExecEnded { end: ExecEnd::Exited(code), .. }))) => Ok(code),
        (None, Some(Err(error))) => Err(error),
        (None, Some(Ok(_)) | None) => Err(Error::new(ErrorKind::Internal, "the agent's end cannot be told")),
    }
}

/// Asks the agent to end when the job is to end, and ends what is left after a while.
async fn end_when_asked(tree: &Tree, until: &Stop, asked: &OnceLock<Why>) {
    let why = until.asked().await;
    // Nobody else sets it.
    let _ = asked.set(why);
    for member in tree.members() {
        signal(&member, Signal::TERM);
    }
    sleep(GRACE).await;
    tree.end().await;
}

fn agent_failed(code: i32) -> Problem {
    let how = if code > 128 { format!("was ended by signal {}", code - 128) } else { format!("ended with {code}") };
    Problem {
        code: "agent_failed".to_owned(),
        message: format!("the agent {how}"),
        hint: Some("its output says why".to_owned()),
    }
}
