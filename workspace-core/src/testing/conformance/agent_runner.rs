//! The suite of [`AgentRunner`]: one function per rule.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a rule that does not hold ends the test that runs it, and each says so in its first sentence"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use crate::environment::Environment;
use crate::error::Result;
use crate::id::{JobId, ServerId};
use crate::job::{ACCEPTED, AgentStep, FINISHED, JobRequest, JobStep, OUTPUT, STEP};
use crate::model::StepReport;
use crate::port::{AgentRunner, ImageRef, JobEvent, JobEventStream, JobSpec, JobState, Mount};
use crate::resources::Resources;
use crate::secret::Secret;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the rules find what they need.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The runner.
    pub runner: Arc<dyn AgentRunner>,
    /// Another one on the same servers, as a master has it that comes later.
    pub later: Arc<dyn AgentRunner>,
    /// The server to run on.
    pub server: ServerId,
    /// An empty volume on it, which nobody else uses.
    pub volume: String,
    /// An image that the server has, with `sh` and the usual small programs; busybox is enough.
    pub image: ImageRef,
}

/// Runs every rule.
pub async fn run_all(subject: &Subject) {
    a_job_runs_once_and_is_read_from_any_point(subject).await;
    events_come_while_the_job_runs(subject).await;
    a_cancelled_job_ends_with_all_it_started(subject).await;
    a_job_ends_at_its_time_limit(subject).await;
    failures_are_reported(subject).await;
    secrets_are_masked(subject).await;
    a_removed_job_leaves_nothing(subject).await;
}

fn works<T>(what: &str, result: Result<T>) -> T {
    result.unwrap_or_else(|error| unreachable!("{what} works: {} ({})", error.chain(), error.kind()))
}

/// A new name.
fn unique() -> String {
    Environment::system().uuid().to_string()
}

impl Subject {
    fn job(&self, seconds: u64, steps: Vec<JobStep>) -> JobSpec {
        let request = JobRequest::new("/workspace", seconds, steps);
        let line = serde_json::to_string(&request).unwrap_or_else(|error| unreachable!("a request is JSON: {error}"));
        JobSpec {
            id: JobId::from_uuid(Environment::system().uuid()),
            server: self.server,
            image: Some(self.image.clone()),
            mount: Some(Mount { volume: self.volume.clone(), target: "/workspace".to_owned(), read_only: false }),
            cache: None,
            resources: Resources::default(),
            request: Secret::new(line),
        }
    }

    /// An agent that is a line of shell.
    fn shell(&self, line: &str) -> JobSpec {
        self.job(PATIENCE.as_secs(), vec![step(&["sh", "-c", line], [].into())])
    }

    async fn start(&self, job: &JobSpec) {
        works("start", self.runner.start(job.clone()).await);
    }

    async fn events(&self, runner: &dyn AgentRunner, job: &JobSpec, after: u64) -> JobEventStream {
        works("events", runner.events(self.server, job.id, after).await)
    }

    /// The events after one, to the end of the job.
    async fn read(&self, runner: &dyn AgentRunner, job: &JobSpec, after: u64) -> Vec<JobEvent> {
        let stream = self.events(runner, job, after).await;
        let events = timeout(PATIENCE, stream.collect::<Vec<_>>()).await.expect("the events end with the job");
        events.into_iter().map(|event| works("an event", event)).collect()
    }

    /// Starts a job and answers with all of its events.
    async fn run(&self, job: &JobSpec) -> Vec<JobEvent> {
        self.start(job).await;
        self.read(&*self.runner, job, 0).await
    }

    async fn state(&self, job: &JobSpec) -> JobState {
        works("state", self.later.state(self.server, job.id).await)
    }

    async fn remove(&self, job: &JobSpec) {
        works("remove", self.runner.remove(self.server, job.id).await);
        works("remove again", self.later.remove(self.server, job.id).await);
        assert_eq!(self.state(job).await, JobState::Missing, "a removed job is gone");
    }
}

fn step(argv: &[&str], env: BTreeMap<String, Secret>) -> JobStep {
    let argv = argv.iter().map(|&word| word.to_owned()).collect();
    JobStep::Agent(AgentStep { argv, env, prompt: "say something".to_owned() })
}

fn reports(events: &[JobEvent]) -> Vec<StepReport> {
    let reports = events.iter().filter(|event| event.kind == STEP);
    reports.filter_map(|event| serde_json::from_value(event.data.clone()).ok()).collect()
}

/// What was printed on stdout.
fn printed(events: &[JobEvent]) -> String {
    let output = events.iter().filter(|event| event.kind == OUTPUT && event.data["stream"] == "stdout");
    output.filter_map(|event| event.data["text"].as_str()).collect()
}

fn assert_whole(events: &[JobEvent]) {
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "numbers begin at 1 and have no holes");
    assert_eq!(events.first().map(|event| event.kind.as_str()), Some(ACCEPTED), "the first event");
    assert_eq!(events.last().map(|event| event.kind.as_str()), Some(FINISHED), "the last event");
}

async fn next(events: &mut JobEventStream) -> JobEvent {
    let event = timeout(PATIENCE, events.next()).await.expect("the job says something");
    works("an event", event.expect("the job goes on"))
}

/// A job runs once, however often it is started; its events are the same for everybody, from every point.
pub async fn a_job_runs_once_and_is_read_from_any_point(subject: &Subject) {
    let file = unique();
    let job = subject.shell(&format!("echo ran >> {file}; cat; echo err >&2; seq 1 2000"));
    assert_eq!(subject.state(&job).await, JobState::Missing, "nothing of it is there");
    subject.start(&job).await;
    subject.start(&job).await;
    let (all, same) = tokio::join!(subject.read(&*subject.runner, &job, 0), subject.read(&*subject.later, &job, 0));
    assert_whole(&all);
    assert_eq!(all, same, "two readers see the same");
    let lines: Vec<String> = (1..=2_000).map(|number| number.to_string()).collect();
    let said = format!("say something{}\n", lines.join("\n"));
    assert_eq!(printed(&all), said, "the prompt comes on stdin, all output is there");
    assert_eq!(reports(&all)[0].report["exit_code"], 0);
    assert_eq!(subject.state(&job).await, JobState::Ended { exit_code: Some(0), out_of_memory: false });
    works("start of what ended", subject.later.start(job.clone()).await);
    for after in 0..=all.len() {
        let read = subject.read(&*subject.later, &job, after as u64).await;
        assert_eq!(read, all[after..], "the events after {after}");
    }
    subject.remove(&job).await;
    let look = subject.shell(&format!("cat {file}"));
    assert_eq!(printed(&subject.run(&look).await), "ran\n", "it ran once");
    subject.remove(&look).await;
}

/// Events come when they happen, also to a master that comes in the middle.
pub async fn events_come_while_the_job_runs(subject: &Subject) {
    let file = unique();
    let job = subject.shell(&format!("echo first; while [ ! -e {file} ]; do sleep 0.05; done; echo last"));
    subject.start(&job).await;
    let mut events = subject.events(&*subject.runner, &job, 0).await;
    let mut seen = vec![next(&mut events).await, next(&mut events).await];
    assert_eq!(printed(&seen), "first\n", "what is said comes at once");
    assert_eq!(subject.state(&job).await, JobState::Running);
    drop(events);
    let mut events = subject.events(&*subject.later, &job, 1).await;
    assert_eq!(next(&mut events).await, seen[1], "who comes later reads on by number");
    let go = subject.shell(&format!("touch {file}"));
    assert_whole(&subject.run(&go).await);
    while let Some(event) = timeout(PATIENCE, events.next()).await.expect("the job ends") {
        seen.push(works("an event", event));
    }
    assert_whole(&seen);
    assert_eq!(printed(&seen), "first\nlast\n");
    subject.remove(&job).await;
    subject.remove(&go).await;
}

/// A cancelled job ends with everything that it started, says so, and is never started again.
pub async fn a_cancelled_job_ends_with_all_it_started(subject: &Subject) {
    let (file, beat) = (unique(), "while true; do echo x >> $0; sleep 0.05; done");
    let beats = format!("(setsid sh -c '{beat}' {file} &); while [ ! -s {file} ]; do sleep 0.05; done");
    let line = format!("trap '' TERM; {beats}; echo on; while true; do sleep 1; done");
    let mut job = subject.job(600, vec![step(&["sh", "-c", &line], [].into()), step(&["true"], [].into())]);
    subject.start(&job).await;
    let mut events = subject.events(&*subject.runner, &job, 0).await;
    let mut seen = vec![next(&mut events).await, next(&mut events).await];
    assert_eq!(printed(&seen), "on\n");
    works("cancel", subject.later.cancel(subject.server, job.id).await);
    while let Some(event) = timeout(PATIENCE, events.next()).await.expect("a cancelled job ends") {
        seen.push(works("an event", event));
    }
    assert_whole(&seen);
    let codes: Vec<_> = reports(&seen).into_iter().filter_map(|report| report.error).map(|error| error.code).collect();
    assert_eq!(codes, ["cancelled", "cancelled"], "the step under way and those after it");
    assert!(matches!(subject.state(&job).await, JobState::Ended { .. }));
    works("cancel what ended", subject.runner.cancel(subject.server, job.id).await);
    job.request = subject.shell(&format!("echo again >> {file}")).request;
    works("start of what was cancelled", subject.runner.start(job.clone()).await);
    assert_eq!(subject.read(&*subject.runner, &job, 0).await, seen, "it did not run again");
    let look = subject.shell(&format!("wc -c < {file}; sleep 0.3; wc -c < {file}; grep -c again {file}; true"));
    let said = printed(&subject.run(&look).await);
    let sizes: Vec<_> = said.lines().collect();
    assert!(sizes.len() == 3 && sizes[0] == sizes[1] && sizes[2] == "0", "nothing of it is left: {said}");
    subject.remove(&job).await;
    subject.remove(&look).await;
    works("cancel what is gone", subject.runner.cancel(subject.server, job.id).await);
}

/// A job that takes too long ends at its limit.
pub async fn a_job_ends_at_its_time_limit(subject: &Subject) {
    let job = subject.job(1, vec![step(&["sleep", "1000"], [].into()), step(&["true"], [].into())]);
    let events = subject.run(&job).await;
    assert_whole(&events);
    let codes: Vec<_> =
        reports(&events).into_iter().filter_map(|report| report.error).map(|error| error.code).collect();
    assert_eq!(codes, ["time_limit", "time_limit"]);
    subject.remove(&job).await;
}

/// An agent that fails, or does not exist, is reported; the steps after it are done.
pub async fn failures_are_reported(subject: &Subject) {
    let steps = [&["sh", "-c", "exit 3"][..], &["no-such-program"], &["sh", "-c", "kill -9 $$"], &["true"]];
    let job = subject.job(60, steps.iter().map(|argv| step(argv, [].into())).collect());
    let events = subject.run(&job).await;
    assert_whole(&events);
    let told: Vec<_> = reports(&events)
        .into_iter()
        .map(|report| (report.report["exit_code"].as_i64(), report.error.map(|error| error.code)))
        .collect();
    let code = |code: &str| Some(code.to_owned());
    let expected = [
        (Some(3), code("agent_failed")),
        (None, code("program_not_found")),
        (Some(137), code("agent_failed")),
        (Some(0), None),
    ];
    assert_eq!(told, expected);
    subject.remove(&job).await;
}

/// A secret reaches its program, and nobody else.
pub async fn secrets_are_masked(subject: &Subject) {
    let canary = format!("canary-{}", unique());
    let line =
        "printf '%s' \"$TOKEN\" | cut -c 1-20 | tr -d '\\n'; printf '%s' \"$TOKEN\" | cut -c 21-; echo $TOKEN >&2";
    let env = BTreeMap::from([("TOKEN".to_owned(), Secret::new(&canary))]);
    let job = subject.job(60, vec![step(&["sh", "-c", line], env), step(&[&canary], [].into())]);
    let events = subject.run(&job).await;
    assert_whole(&events);
    assert_eq!(printed(&events), "***\n", "the program has it");
    let text = serde_json::to_string(&events).unwrap_or_default();
    assert!(!text.contains(&canary) && !text.contains(&canary[..20]), "{text}");
    subject.remove(&job).await;
}

/// A job that is removed while it runs is ended, and nothing of it is left.
pub async fn a_removed_job_leaves_nothing(subject: &Subject) {
    let job = subject.shell("echo on; sleep 1000");
    subject.start(&job).await;
    let mut events = subject.events(&*subject.runner, &job, 1).await;
    assert_eq!(next(&mut events).await.kind, OUTPUT);
    subject.remove(&job).await;
    let rest = timeout(PATIENCE, events.collect::<Vec<_>>()).await;
    assert!(rest.is_ok(), "the events of a removed job end");
}
