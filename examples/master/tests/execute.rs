//! Masters are killed, or replaced one after the other, in the middle of an agent's run on a real Docker server.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what is not there fails the test")]

mod parts;
mod running;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use parts::{GitServer, TOKEN, docker, git, parsed, real_part, variables};
use running::Running;
use serde_json::{Value, json};

/// What an agent gets and nobody else may ever see.
const SECRET: &str = "canary-5c1f0e7a9b";

/// An agent that says a line each fifth of a second until it is told that it is enough, and writes down how many it
/// said. What a test demands of its course does not depend on how quick the machine is.
const AGENT: &str = "echo ran >> ran; n=0; until [ -e /tmp/enough ] || [ $n = 1500 ]; do \
    n=$((n+1)); echo line $n; sleep 0.2; done; echo $n > lines";

#[track_caller]
fn json_of(answer: &str) -> Value {
    let (status, body) = parsed(answer);
    assert!((200..300).contains(&status), "{answer}");
    body
}

/// Everything that was stored for the session.
fn events(master: &Running, session: &str) -> Vec<Value> {
    let path = format!("/api/v1/sessions/{session}/events?limit=1000");
    let answer = master.ask_for("GET", &path, TOKEN, "", "application/json");
    json_of(&answer)["items"].as_array().unwrap().clone()
}

fn until(what: &str, master: &Running, session: &str, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let seen = events(master, session);
        if is_so(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what}: {seen:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn texts(events: &[Value]) -> String {
    let told = events.iter().filter(|event| event["kind"] == "message");
    told.filter_map(|event| event["text"].as_str().or(event["data"]["text"].as_str())).collect()
}

/// What the masters of a test are told, and the repository that the agent works on.
struct Stage {
    variables: BTreeMap<String, String>,
    project: Value,
    folder: PathBuf,
}

impl Stage {
    fn new(test: &str, more: &[(&str, &str)]) -> Self {
        let server = GitServer::new();
        let (url, folder) = server.repository();
        let project = json!({"name": test, "source": {"git": {"url": url, "branch": "main", "token": server.token()}}});
        Self { variables: variables(more), project, folder }
    }

    fn master(&self, data: &Path) -> Running {
        let mut variables: Vec<_> = self.variables.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        variables.push(("MASTER_ID", data.file_name().unwrap().to_str().unwrap()));
        let master = Running::start(data, &variables);
        assert!(master.said.contains("healthy"), "{}", master.said);
        master
    }

    /// Lets the agent begin; the project's id and the answer.
    fn execute(&self, master: &Running) -> (String, Value) {
        let project = json_of(&master.ask("POST", "/api/v1/projects", TOKEN, &self.project.to_string()));
        let body = json!({
            "project": project["id"], "prompt": "write down that you ran", "credentials": {"AGENT_KEY": SECRET},
            "resources": {"cpu_millis": 200, "memory_mib": 128, "disk_gib": 1},
            "agent": {"kind": "command", "image": "workspace-base", "argv": ["sh", "-c", AGENT]},
            "on_success": {"commit": true, "push": true, "snapshot": true},
        });
        let answer = master.ask_for("POST", "/api/v1/execute", TOKEN, &body.to_string(), "application/json");
        (project["id"].as_str().unwrap().to_owned(), json_of(&answer))
    }

    /// Tells the agent, which is at work, that it is enough. It ran once, every line was told once, and what it did is
    /// pushed.
    fn require_once(&self, master: &Running, started: &Value, before: &[Value]) {
        let fleet = json_of(&master.ask("GET", "/api/v1/admin/fleet", TOKEN, ""));
        let of_fleet = format!("label=fleet.id={}", fleet["id"].as_str().unwrap());
        let at_work = docker(&["ps", "-q", "--filter", &of_fleet, "--filter", "label=fleet.kind=job"]);
        assert_eq!(at_work.len(), 1, "the agent is at work: {at_work:?}");
        docker(&["exec", &at_work[0], "touch", "/tmp/enough"]);

        let (session, branch) = (started["session"].as_str().unwrap(), started["branch"].as_str().unwrap());
        let ended = |events: &[Value]| events.iter().any(|event| event["kind"] == "execution.finished");
        let all = until("the run ends", master, session, ended);
        assert_eq!(all[..before.len()], before[..], "what was told stays told");
        let numbers: Vec<u64> = all.iter().filter_map(|event| event["seq"].as_u64()).collect();
        assert_eq!(numbers, (1..=all.len() as u64).collect::<Vec<_>>(), "no event is missing or twice");
        let last = all.last().unwrap();
        assert_eq!(last["data"]["status"].as_str().or(last["status"].as_str()), Some("succeeded"), "{last}");
        let pushed = |file: &str| git(&self.folder, &["show", &format!("{branch}:{file}")]);
        assert_eq!(pushed("ran"), "ran", "what it did is pushed, and it did it once");
        let lines: usize = pushed("lines").parse().unwrap();
        let expected: String = (1..=lines).fold(String::new(), |all, n| all + &format!("line {n}\n"));
        assert_eq!(texts(&all), expected, "the agent ran once, and every line is there once");
        assert!(!format!("{all:?}").contains(SECRET), "no event has the credentials");
    }
}

fn delete(master: &Running, session: &Value, project: &str) {
    master.ask("DELETE", &format!("/api/v1/sessions/{}", session.as_str().unwrap()), TOKEN, "");
    master.ask("DELETE", &format!("/api/v1/projects/{project}"), TOKEN, "");
}

#[test]
fn an_agent_runs_once_whatever_becomes_of_the_master() {
    let data = tempfile::tempdir().unwrap();
    let stage = Stage::new("killed", &[]);
    let first = stage.master(data.path());
    let (project, started) = stage.execute(&first);
    let session = started["session"].as_str().unwrap();
    let before = until("the agent is at work", &first, session, |events| texts(events).contains("line 3"));
    // Dropping kills it with SIGKILL.
    drop(first);

    let again = stage.master(data.path());
    stage.require_once(&again, &started, &before);
    let database = std::fs::read(data.path().join("fleet.db")).unwrap();
    let log = std::fs::read(data.path().join("fleet.db-wal")).unwrap_or_default();
    for bytes in [database, log] {
        assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "no store has the credentials");
    }
    delete(&again, &started["session"], &project);
    again.end("-INT");
}

/// A database of this test, which goes with it.
struct Database {
    server: String,
    name: String,
}

impl Database {
    fn new() -> Self {
        let database =
            Self { server: real_part("WORKSPACE_TEST_DATABASE_URL"), name: format!("rolling_{}", std::process::id()) };
        database.tell(&format!("CREATE DATABASE {}", database.name));
        database
    }

    fn tell(&self, sql: &str) {
        let done = Command::new("psql").args([&self.server, "-qc", sql]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.tell(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Two masters on one Postgres are replaced one after the other, while an agent and a workspace run.
#[test]
fn a_rolling_restart_interrupts_nothing() {
    let database = Database::new();
    let (url, key) = (database.url(), "ab".repeat(32));
    let stage = Stage::new("rolling", &[("STORE", "postgres"), ("DATABASE_URL", &url), ("WORKSPACE_SECRET_KEY", &key)]);
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (stage.master(one.path()), stage.master(two.path()));
    let body = json!({
        "name": "rolling", "image": "workspace-base", "command": ["sleep", "infinity"],
        "resources": {"cpu_millis": 100, "memory_mib": 64, "disk_gib": 1},
    });
    let row = json_of(&first.ask("POST", "/api/v1/workspaces?wait=60", TOKEN, &body.to_string()));
    assert_eq!(row["status"], "running", "{row}");
    let path = format!("/api/v1/workspaces/{}", row["id"].as_str().unwrap());

    let (project, started) = stage.execute(&first);
    let session = started["session"].as_str().unwrap();
    let seen = |line: &'static str| move |events: &[Value]| texts(events).contains(line);
    until("the other master tells it too", &second, session, seen("line 3"));
    first.end("-TERM");
    until("the other one goes on", &second, session, seen("line 10"));
    let third = stage.master(one.path());
    second.end("-TERM");
    let before = until("the new one goes on", &third, session, seen("line 20"));
    let fourth = stage.master(two.path());
    stage.require_once(&fourth, &started, &before);

    let now = json_of(&fourth.ask("GET", &path, TOKEN, ""));
    assert_eq!((&now["status"], &now["generation"]), (&row["status"], &row["generation"]), "it ran on: {now}");
    let run = json_of(&third.ask("POST", &format!("{path}/run"), TOKEN, &json!({"command": "echo here"}).to_string()));
    assert_eq!(run["stdout"], "here\n", "{run}");
    json_of(&third.ask("DELETE", &format!("{path}?wait=60"), TOKEN, ""));
    delete(&fourth, &started["session"], &project);
    third.end("-TERM");
    fourth.end("-INT");
}
