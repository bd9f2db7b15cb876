//! The master is killed while it makes workspaces on real Docker servers, and started again.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what is not there fails the test")]

mod running;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use running::Running;
use serde_json::Value;

const TOKEN: &str = "a-token-for-this-test-alone";

fn real_part(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`, or start the real parts first"))
}

/// The body of an answer, as JSON.
fn json(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let body = if head.contains("chunked") { body.lines().nth(1).unwrap_or_default() } else { body };
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn workspaces(master: &Running) -> Vec<Value> {
    json(&master.ask("GET", "/api/v1/workspaces?limit=100", TOKEN, ""))["items"].as_array().unwrap().clone()
}

/// Every object of the fleet on the plain server, by the Engine's own client.
fn objects(fleet: &str) -> Vec<String> {
    let servers: Value = serde_json::from_str(&real_part("WORKSPACE_TEST_SERVERS")).unwrap();
    let host = servers[0]["endpoint"].as_str().unwrap().replace("http://", "tcp://");
    let filter = format!("label=fleet.id={fleet}");
    let mut found = Vec::new();
    for (kind, format) in
        [(vec!["ps", "-a"], "{{.Names}}"), (vec!["network", "ls"], "{{.Name}}"), (vec!["volume", "ls"], "{{.Name}}")]
    {
        let mut docker = Command::new("docker");
        docker.args(["-H", &host]).args(kind).args(["--filter", &filter, "--format", format]);
        let output = docker.env_remove("DOCKER_TLS_VERIFY").output().expect("docker runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        found.extend(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned));
    }
    found.retain(|name| !name.starts_with("fleet-worker-"));
    found
}

#[test]
fn what_was_being_made_is_made_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let servers: Value = serde_json::from_str(&real_part("WORKSPACE_TEST_SERVERS")).unwrap();
    let plain = Value::from(vec![servers[0].clone()]).to_string();
    let worker = real_part("WORKSPACE_TEST_WORKER_IMAGE");
    let variables = [
        ("SERVERS", "docker"),
        ("WORKSPACE_SERVERS", plain.as_str()),
        ("WORKER_IMAGE", worker.as_str()),
        ("WORKSPACE_TOKEN", TOKEN),
        ("RUST_LOG", "warn"),
    ];
    let first = Running::start(data.path(), &variables);
    for n in 0..20 {
        let body = format!(
            r#"{{"name":"ws-{n}","image":"workspace-base","command":["sleep","infinity"],"resources":{{"cpu_millis":50,"memory_mib":16,"disk_gib":1}}}}"#
        );
        let answer = first.ask("POST", "/api/v1/workspaces", TOKEN, &body);
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    }
    let begun = workspaces(&first).iter().filter(|row| row["status"] != "pending").count();
    assert!(begun > 0, "something is under way when the master is killed");
    // Dropping kills it with SIGKILL.
    drop(first);

    let again = Running::start(data.path(), &variables);
    assert!(again.said.contains("healthy"), "{}", again.said);
    let deadline = Instant::now() + Duration::from_mins(2);
    let rows = loop {
        let rows = workspaces(&again);
        assert_eq!(rows.len(), 20, "nothing that was acknowledged is lost");
        if rows.iter().all(|row| row["status"] == "running") {
            break rows;
        }
        let settled = |row: &Value| row["status"] == "running" || row["error"].is_object();
        assert!(Instant::now() < deadline, "{:?}", rows.iter().filter(|row| !settled(row)).collect::<Vec<_>>());
        thread::sleep(Duration::from_millis(200));
    };
    let fleet = json(&again.ask("GET", "/api/v1/admin/fleet", TOKEN, ""));
    let fleet = fleet["fleet"].as_str().or(fleet["id"].as_str()).expect("the fleet's id").to_owned();
    let found = objects(&fleet);
    assert_eq!(found.len(), 60, "a container, a network and a volume each: {found:?}");
    for row in &rows {
        let path = format!("/api/v1/workspaces/{}?wait=60", row["id"].as_str().unwrap());
        let answer = again.ask("DELETE", &path, TOKEN, "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(objects(&fleet), Vec::<String>::new());
    again.end("-INT");
}
