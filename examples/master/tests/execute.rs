//! The master is killed in the middle of an agent's run on a real Docker server, and started again.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what is not there fails the test")]

mod running;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use running::Running;
use serde_json::{Value, json};

const TOKEN: &str = "a-token-for-this-test-alone";

/// What an agent gets and nobody else may ever see.
const SECRET: &str = "canary-5c1f0e7a9b";

fn real_part(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`, or start the real parts first"))
}

/// The body of an answer, as JSON.
fn json_of(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 2"), "{answer}");
    let body = if head.contains("chunked") { body.lines().nth(1).unwrap_or_default() } else { body };
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// A bare repository of this test on the real git server: its URL and its folder.
fn repository(git: &Value) -> (String, String) {
    let (root, name) = (git["root"].as_str().unwrap(), format!("execute-{}", std::process::id()));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fleet/git-server");
    let home = Path::new(root).ancestors().nth(2).unwrap();
    let made = Command::new(script).args(["repository", &name]).env("FLEET_HOME", home).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (format!("{}/{name}.git", git["https"].as_str().unwrap()), format!("{root}/{name}.git"))
}

fn git(folder: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("/usr/bin/git");
    command.args(["-c", "safe.directory=*", "-C", folder]).args(arguments);
    String::from_utf8_lossy(&command.output().unwrap().stdout).trim().to_owned()
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

#[test]
fn an_agent_runs_once_whatever_becomes_of_the_master() {
    let data = tempfile::tempdir().unwrap();
    let servers: Value = serde_json::from_str(&real_part("WORKSPACE_TEST_SERVERS")).unwrap();
    let server: Value = serde_json::from_str(&real_part("WORKSPACE_TEST_GIT")).unwrap();
    let s3 = std::fs::read_to_string(real_part("WORKSPACE_TEST_S3")).unwrap();
    let s3: BTreeMap<&str, &str> = s3.lines().filter_map(|line| line.split_once('=')).collect();
    let (plain, worker) = (Value::from(vec![servers[0].clone()]).to_string(), real_part("WORKSPACE_TEST_WORKER_IMAGE"));
    let mut variables = vec![
        ("SERVERS", "docker"),
        ("WORKSPACE_SERVERS", plain.as_str()),
        ("WORKER_IMAGE", worker.as_str()),
        ("WORKSPACE_TOKEN", TOKEN),
        ("GIT_POLICY", r#"{"allow":["10.0.0.0/8"]}"#),
        ("GIT_CA_FILE", server["ca"].as_str().unwrap()),
        ("RUST_LOG", "warn"),
    ];
    variables.extend(s3);
    let (url, folder) = repository(&server);
    let first = Running::start(data.path(), &variables);
    let token = format!("{}:{}", server["username"].as_str().unwrap(), server["token"].as_str().unwrap());
    let project = json!({"name": "kept", "source": {"git": {"url": url, "branch": "main", "token": token}}});
    let project = json_of(&first.ask("POST", "/api/v1/projects", TOKEN, &project.to_string()));
    let line = "echo ran >> ran; for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $n; sleep 0.5; done";
    let body = json!({
        "project": project["id"], "prompt": "write down that you ran", "credentials": {"AGENT_KEY": SECRET},
        "resources": {"cpu_millis": 200, "memory_mib": 128, "disk_gib": 1},
        "agent": {"kind": "command", "image": "workspace-base", "argv": ["sh", "-c", line]},
        "on_success": {"commit": true, "push": true, "snapshot": true},
    });
    let answer = first.ask_for("POST", "/api/v1/execute", TOKEN, &body.to_string(), "application/json");
    let started = json_of(&answer);
    let (session, branch) = (started["session"].as_str().unwrap(), started["branch"].as_str().unwrap());
    let before = until("the agent is at work", &first, session, |events| texts(events).contains("line 3"));
    // Dropping kills it with SIGKILL.
    drop(first);

    let again = Running::start(data.path(), &variables);
    assert!(again.said.contains("healthy"), "{}", again.said);
    let all = until("the run ends", &again, session, |events| {
        events.iter().any(|event| event["kind"] == "execution.finished")
    });
    assert_eq!(all[..before.len()], before[..], "what was told stays told");
    let numbers: Vec<u64> = all.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=all.len() as u64).collect::<Vec<_>>(), "no event is missing or twice");
    let expected: String = (1..=12).map(|n| format!("line {n}\n")).fold(String::new(), |all, line| all + &line);
    assert_eq!(texts(&all), expected, "the agent ran once, and every line is there once");
    let last = all.last().unwrap();
    assert_eq!(last["data"]["status"].as_str().or(last["status"].as_str()), Some("succeeded"), "{last}");
    assert_eq!(git(&folder, &["show", &format!("{branch}:ran")]), "ran", "what it did is pushed, and it did it once");
    assert!(!format!("{all:?}").contains(SECRET), "no event has the credentials");
    let database = std::fs::read(data.path().join("fleet.db")).unwrap();
    let log = std::fs::read(data.path().join("fleet.db-wal")).unwrap_or_default();
    for bytes in [database, log] {
        assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "no store has the credentials");
    }
    again.ask("DELETE", &format!("/api/v1/sessions/{session}"), TOKEN, "");
    again.ask("DELETE", &format!("/api/v1/projects/{}", project["id"].as_str().unwrap()), TOKEN, "");
    again.end("-INT");
}
