//! `worker job` as a program: on pipes, as in a container.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use workspace_fleet::job::{AgentStep, EVENT_BYTES, JobRequest, JobStep, LINE_BYTES};
use workspace_fleet::model::StepReport;
use workspace_fleet::port::JobEvent;
use workspace_fleet::secret::Secret;

const PATIENCE: Duration = Duration::from_mins(2);

/// A worker with a job.
pub(crate) struct Job {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// How a job ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<JobEvent>,
    pub(crate) stderr: String,
    /// Everything on stdout.
    pub(crate) bytes: u64,
}

impl Ended {
    pub(crate) fn reports(&self) -> Vec<StepReport> {
        let steps = self.events.iter().filter(|event| event.kind == "step");
        steps.map(|event| serde_json::from_value(event.data.clone()).unwrap()).collect()
    }

    /// The reports of steps that all did what they should.
    pub(crate) fn done(&self) -> Vec<serde_json::Value> {
        let report = |report: StepReport| {
            assert_eq!(report.error, None, "{}", report.step);
            report.report
        };
        self.reports().into_iter().map(report).collect()
    }

    pub(crate) fn codes(&self) -> Vec<String> {
        self.reports().into_iter().map(|report| report.error.map_or_else(String::new, |error| error.code)).collect()
    }

    fn printed(&self, stream: &str) -> String {
        let output = self.events.iter().filter(|event| event.kind == "output" && event.data["stream"] == stream);
        output.map(|event| event.data["text"].as_str().unwrap()).collect()
    }

    fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|event| event.kind == kind).count()
    }
}

/// Starts a worker and writes to its stdin.
pub(crate) async fn start(tree: &Path, line: &[u8]) -> Job {
    start_with(Command::new(env!("CARGO_BIN_EXE_worker")).arg("job"), tree, line).await
}

async fn start_with(command: &mut Command, tree: &Path, line: &[u8]) -> Job {
    let mut child = command
        .env("WORKSPACE_ROOT", tree)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // One that refuses early does not read it all.
    let _ = child.stdin.take().unwrap().write_all(line).await;
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    Job { child, lines }
}

impl Job {
    async fn next(&mut self) -> Option<(JobEvent, u64)> {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("the job goes on").unwrap()?;
        assert!(line.len() < LINE_BYTES, "a line of {} bytes", line.len());
        Some((serde_json::from_str(&line).unwrap_or_else(|_| panic!("no event: {line}")), line.len() as u64 + 1))
    }

    pub(crate) async fn end(mut self) -> Ended {
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some((event, length)) = self.next().await {
            events.push(event);
            bytes += length;
        }
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
        let code = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code();
        let seqs: Vec<_> = events.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
        Ended { code, events, stderr, bytes }
    }

    fn ask_to_end(&self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").arg(pid).status().unwrap().success());
    }
}

pub(crate) async fn run(tree: &Path, steps: Vec<JobStep>) -> Ended {
    run_for(tree, 600, steps).await
}

async fn run_for(tree: &Path, seconds: u64, steps: Vec<JobStep>) -> Ended {
    start(tree, &line(seconds, steps)).await.end().await
}

fn line(seconds: u64, steps: Vec<JobStep>) -> Vec<u8> {
    let mut line = serde_json::to_vec(&JobRequest::new("/workspace", seconds, steps)).unwrap();
    line.push(b'\n');
    line
}

fn agent(argv: &[&str], env: &[(&str, &str)], prompt: &str) -> JobStep {
    let env: BTreeMap<_, _> = env.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
    JobStep::Agent(AgentStep {
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        env,
        prompt: prompt.to_owned(),
    })
}

fn shell(line: &str) -> JobStep {
    agent(&["sh", "-c", line], &[], "")
}

fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

#[tokio::test]
async fn an_agent_has_its_prompt_its_environment_and_the_tree() {
    let tree = tempfile::tempdir().unwrap();
    let line =
        "cat; echo \"|$WORKSPACE_PROMPT|$KEY|\" | cut -c 1-99 > env; pwd > where; echo oops >&2; test -w \"$HOME\"";
    let ended = run(tree.path(), vec![agent(&["sh", "-c", line], &[("KEY", "canary-42")], "fix it")]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!((ended.printed("stdout"), ended.printed("stderr")), ("fix it".to_owned(), "oops\n".to_owned()));
    assert_eq!(fs::read_to_string(tree.path().join("env")).unwrap(), "|fix it|canary-42|\n");
    let place = fs::read_to_string(tree.path().join("where")).unwrap();
    assert_eq!(Path::new(place.trim()), tree.path().canonicalize().unwrap());
    assert_eq!(ended.done(), [serde_json::json!({"exit_code": 0})]);
    let kinds: Vec<_> = ended.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("accepted", "finished"));
    let long = "x".repeat(200_000);
    let line = "test -z \"$WORKSPACE_PROMPT\"; wc -c";
    let ended = run(tree.path(), vec![agent(&["sh", "-ec", line], &[], &long)]).await;
    assert_eq!(ended.printed("stdout").trim(), "200000", "a long prompt comes on stdin alone");
}

#[tokio::test]
async fn authorities_beside_the_worker_are_trusted_by_it_and_not_shown_to_agents() {
    let program = Path::new(env!("CARGO_BIN_EXE_worker"));
    let (tree, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in(program.parent().unwrap()).unwrap());
    let (worker, authorities) = (place.path().join("worker"), place.path().join("ca-certificates.crt"));
    fs::hard_link(program, &worker).unwrap();
    fs::write(&authorities, "").unwrap();
    let look = "tr '\\0' '\\n' < /proc/$PPID/environ | grep ^SSL_CERT_FILE=; echo agent=$SSL_CERT_FILE";
    for named in [None, Some("/no/such/file")] {
        let mut command = Command::new(&worker);
        command.arg("job").env_remove("SSL_CERT_FILE").envs(named.map(|file| ("SSL_CERT_FILE", file)));
        let ended = start_with(&mut command, tree.path(), &line(60, vec![shell(look)])).await.end().await;
        let expected = format!("SSL_CERT_FILE={}\nagent=\n", authorities.display());
        assert_eq!(ended.printed("stdout"), expected, "{named:?}");
    }
    let mut command = Command::new(&worker);
    command.arg("job").env("SSL_CERT_FILE", program);
    let ended = start_with(&mut command, tree.path(), &line(60, vec![shell(look)])).await.end().await;
    assert_eq!(ended.printed("stdout"), format!("SSL_CERT_FILE={0}\nagent={0}\n", program.display()));
}

#[tokio::test]
async fn without_a_whole_line_nothing_is_done() {
    let tree = tempfile::tempdir().unwrap();
    let whole = line(60, vec![shell("touch done")]);
    for cut in [&[][..], &whole[..whole.len() / 2], &whole[..whole.len() - 1]] {
        let ended = start(tree.path(), cut).await.end().await;
        assert_eq!((ended.code, ended.events.len()), (Some(1), 0), "{ended:?}");
    }
    let canary = String::from_utf8(whole).unwrap();
    for wrong in ["{\"canary\n".to_owned(), canary.replace("done", "canary\\x"), canary.replace(":1,", ":9,")] {
        let ended = start(tree.path(), wrong.as_bytes()).await.end().await;
        assert_eq!((ended.code, ended.events.len()), (Some(2), 0), "{ended:?}");
        assert!(ended.stderr.starts_with("worker: the request") && !ended.stderr.contains("canary"), "{ended:?}");
    }
    assert!(!tree.path().join("done").exists());
}

#[tokio::test]
async fn a_gigabyte_of_output_is_bounded_and_the_report_comes() {
    let tree = tempfile::tempdir().unwrap();
    let noisy = "head -c 1000000000 /dev/zero | tr '\\0' 'x'; echo said >&2; exit 3";
    let ended = run(tree.path(), vec![shell(noisy), shell("echo unheard")]).await;
    assert!(ended.bytes <= EVENT_BYTES && ended.bytes > EVENT_BYTES / 2, "{} bytes", ended.bytes);
    assert_eq!((ended.count("output.truncated"), ended.count("step")), (1, 2));
    assert_eq!(ended.codes(), ["agent_failed", ""]);
    assert_eq!(ended.reports()[0].report["exit_code"], 3);
    assert_eq!(ended.events.last().unwrap().kind, "finished");
}

#[tokio::test]
async fn garbage_is_text_in_the_end() {
    let tree = tempfile::tempdir().unwrap();
    let ended = run(tree.path(), vec![shell("head -c 300000 /dev/urandom; printf '\\0\\377\\001end'")]).await;
    assert_eq!(ended.codes(), [""]);
    let said = ended.printed("stdout");
    assert!(said.ends_with("\u{fffd}\u{fffd}\u{1}end") && said.len() > 200_000 && !said.contains('\0'));
}

/// In the background, detached, without an environment: nothing but its adoption leads to it.
const STRAYS: &str = "env -i /bin/sh -c 'setsid sh -c \"echo \\$\\$ >> pids; exec sleep 1000\" &'; \
    (setsid sh -c 'echo $$ >> pids; exec sleep 1000' &); while [ $(wc -l < pids) -lt 2 ]; do sleep 0.05; done";

fn strays(tree: &Path) -> Vec<String> {
    let pids: Vec<_> = fs::read_to_string(tree.join("pids")).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(pids.len(), 2);
    pids
}

#[tokio::test]
async fn what_an_agent_leaves_behind_is_ended_with_it() {
    let tree = tempfile::tempdir().unwrap();
    let ended = run(tree.path(), vec![shell(&format!("touch pids; {STRAYS}")), shell("exit 0")]).await;
    assert_eq!(ended.codes(), ["", ""]);
    assert!(!strays(tree.path()).iter().any(|pid| is_alive(pid)));
}

#[tokio::test]
async fn a_time_limit_and_a_signal_end_everything() {
    for (seconds, code) in [(2, "time_limit"), (600, "cancelled")] {
        let tree = tempfile::tempdir().unwrap();
        let steps = vec![shell(&format!("touch pids; {STRAYS}; echo on; exec sleep 1000")), shell("touch late")];
        let mut job = start(tree.path(), &line(seconds, steps)).await;
        let started = Instant::now();
        if code == "cancelled" {
            while let Some((event, _)) = job.next().await {
                if event.kind == "output" {
                    break;
                }
            }
            job.ask_to_end();
            let mut rest = Vec::new();
            while let Some((event, _)) = job.next().await {
                rest.push(event);
            }
            let codes: Vec<_> = rest.iter().map(|event| event.data["error"]["code"].as_str()).collect();
            assert_eq!(codes, [Some(code), Some(code), None]);
        } else {
            assert_eq!(job.end().await.codes(), [code, code]);
        }
        assert!(started.elapsed() < Duration::from_mins(1));
        assert!(!strays(tree.path()).iter().any(|pid| is_alive(pid)), "{code}");
        assert!(!tree.path().join("late").exists(), "what follows is not done");
    }
}
