//! The worker's side of a job in a simulated container: one request in, numbered events out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::job::{ACCEPTED, FINISHED, JobRequest, JobStep, OUTPUT, STEP};
use crate::model::{Problem, StepReport};
use crate::port::{LogChunk, OutputStream};
use crate::testing::sim::machine::{End, Machine, read};
use crate::testing::sim::storage::{Storage, writes};
use crate::testing::sim::wire::Arrived;

/// One run of a worker.
pub(super) struct Run {
    arrived: Arrived,
    container: String,
    start: u64,
    said: u64,
}

impl Run {
    /// The program of this start of a container.
    pub(super) const fn new(arrived: Arrived, container: String, start: u64) -> Self {
        Self { arrived, container, start, said: 0 }
    }

    /// Does what the request says. Without one it waits for ever, and its master has it made anew.
    pub(super) async fn work(mut self, input: Option<Bytes>) {
        let Some(request) = input.and_then(|line| serde_json::from_slice::<JobRequest>(line.trim_ascii()).ok()) else {
            return;
        };
        self.pause(300).await;
        if !self.accept(&request) {
            return;
        }
        for step in &request.steps {
            if step.fills() && self.alter(|machine, name| machine.set_half(name, true)).is_none() {
                return;
            }
            if matches!(step, JobStep::Agent(_)) && !self.say(OUTPUT, &json!({ "stream": "stdout", "text": "hello" })) {
                return;
            }
            self.pause(6_000).await;
            let Some(reports) = self.carry_out(step) else { return };
            let failed = reports.iter().any(|report| report.error.is_some());
            for report in reports {
                if !self.say(STEP, &json!(report)) {
                    return;
                }
                self.pause(50).await;
            }
            if failed && step.fills() {
                break;
            }
        }
        self.say(FINISHED, &json!({}));
        let (at, run) = (self.arrived.world.now(), self.start);
        self.alter(|machine, name| machine.end(name, run, End::exited(0), at));
    }

    async fn pause(&self, most_millis: u64) {
        sleep(self.arrived.world.dice.between(Duration::from_millis(1), Duration::from_millis(most_millis))).await;
    }

    /// Takes the request, which an agent's or a push's job may do once.
    fn accept(&mut self, request: &JobRequest) -> bool {
        let world = Arc::clone(&self.arrived.world);
        let once = request.steps.iter().any(|step| matches!(step, JobStep::Agent(_) | JobStep::Push { .. }));
        let writing = request.steps.iter().any(writes);
        let (run, accepted) = (self.start, self.say(ACCEPTED, &json!({})));
        if !accepted {
            return false;
        }
        if once && !world.storage(|storage| storage.accepts(&self.container)) {
            world.violation(&format_args!("{} took its request a second time", self.container));
        }
        let other = self.alter(|machine, name| if writing { machine.begin_to_write(name, run) } else { None });
        if let Some(other) = other.flatten() {
            world.violation(&format_args!("{} and {other} write one volume at once", self.container));
        }
        true
    }

    /// What comes of a step, all at once; `None` when the program has been ended.
    fn carry_out(&self, step: &JobStep) -> Option<Vec<StepReport>> {
        let world = &self.arrived.world;
        let fails = world.plan().is_some() && world.dice.chance(40);
        let at = world.now();
        world.storage(|storage| {
            let done = |machine: &mut Machine, name: &str| {
                if fails {
                    return vec![report(kind(step), Err("remote_unreachable"))];
                }
                machine.carry_out(name, step, storage, at)
            };
            self.alter(done)
        })
    }

    /// Writes an event; false when the program has been ended.
    fn say(&mut self, kind: &str, data: &Value) -> bool {
        let line = format!("{}\n", json!({ "seq": self.said + 1, "kind": kind, "data": data }));
        let chunk = LogChunk { stream: OutputStream::Stdout, bytes: Bytes::from(line) };
        let said = self.alter(|machine, name| {
            if let Some(container) = machine.containers.get_mut(name) {
                container.log.push(chunk);
            }
        });
        self.said += u64::from(said.is_some());
        said.is_some()
    }

    /// Does something where the program runs; `None` when it has been ended.
    fn alter<T>(&self, act: impl FnOnce(&mut Machine, &str) -> T) -> Option<T> {
        let altered = self.arrived.world.alter(&self.arrived.server, |machine| {
            let container = machine.containers.get(&self.container)?;
            (container.run == self.start && container.is_running()).then(|| act(machine, &self.container))
        });
        altered.flatten()
    }
}

impl Machine {
    /// Marks the volume of a job as one that is being filled.
    fn set_half(&mut self, container: &str, half: bool) {
        if let Some(volume) = self.volume_of(container) {
            volume.half = half;
        }
    }

    /// Notes who writes the volume; answers with another that still does.
    fn begin_to_write(&mut self, container: &str, run: u64) -> Option<String> {
        let before = self.volume_of(container)?.writer.replace((container.to_owned(), run));
        let runs = |(name, run): &(String, u64)| {
            let other = self.containers.get(name).filter(|other| other.run == *run && other.is_running());
            name != container && other.is_some()
        };
        before.filter(runs).map(|(name, _)| name)
    }

    fn carry_out(
        &mut self,
        container: &str,
        step: &JobStep,
        storage: &mut Storage,
        at: crate::clock::Timestamp,
    ) -> Vec<StepReport> {
        let subject = self.containers.get(container).and_then(|one| read(&one.labels)).map(|labels| labels.subject);
        let Some(volume) = self.volume_of(container) else { return vec![report(kind(step), Err("internal"))] };
        let fine = |step| report(step, Ok(json!({ "files": 1, "bytes": 1, "bytes_uploaded": 1, "exit_code": 0 })));
        let mut note = |path: &str, text: String| drop(volume.tree.write(path, Bytes::from(text), None, at));
        match step {
            JobStep::Agent(agent) => note(&format!("agents/{}", subject.unwrap_or_default()), agent.prompt.clone()),
            JobStep::Pull(remote) => note("pulled", remote.url.clone()),
            JobStep::Clone(remote) => {
                volume.tree = super::tree::Tree::default();
                drop(volume.tree.write("cloned", Bytes::from(remote.url.clone()), None, at));
                (volume.half, volume.filled) = (false, true);
            }
            JobStep::Push { .. } => return vec![fine("commit"), fine("push")],
            JobStep::Snapshot { place, .. } => storage.put(*place, volume.tree.clone()),
            JobStep::Verify { place, .. } => {
                if storage.get(*place).is_none() {
                    return vec![report("verify", Err("snapshot_damaged"))];
                }
            }
            JobStep::Delete { place, .. } => storage.remove(*place),
            JobStep::Restore { place, merge, dry_run, .. } => {
                let Some(tree) = storage.get(*place) else { return vec![report("restore", Err("snapshot_damaged"))] };
                if !merge && !dry_run {
                    volume.tree = tree;
                    (volume.half, volume.filled) = (false, true);
                }
            }
        }
        vec![fine(kind(step))]
    }
}

/// The name of a step in its report.
const fn kind(step: &JobStep) -> &'static str {
    match step {
        JobStep::Agent(_) => "agent",
        JobStep::Clone(_) => "clone",
        JobStep::Pull(_) => "pull",
        JobStep::Push { .. } => "push",
        JobStep::Snapshot { .. } => "snapshot",
        JobStep::Restore { .. } => "restore",
        JobStep::Verify { .. } => "verify",
        JobStep::Delete { .. } => "delete",
    }
}

fn report(step: &str, done: Result<Value, &str>) -> StepReport {
    let problem = |code: &str| Problem { code: code.to_owned(), message: "injected".to_owned(), hint: None };
    let (report, error) = match done {
        Ok(report) => (report, None),
        Err(code) => (Value::Null, Some(problem(code))),
    };
    StepReport { step: step.to_owned(), report, error }
}
