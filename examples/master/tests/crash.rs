//! The master is killed while it makes workspaces on real Docker servers, and started again.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what is not there fails the test")]

#[expect(dead_code, reason = "other tests use git")]
mod parts;
mod running;

use std::thread;
use std::time::{Duration, Instant};

use parts::{TOKEN, docker, parsed, variables};
use running::Running;
use serde_json::Value;

fn workspaces(master: &Running) -> Vec<Value> {
    parsed(&master.ask("GET", "/api/v1/workspaces?limit=100", TOKEN, "")).1["items"].as_array().unwrap().clone()
}

/// Every object of the fleet on the plain server, by the Engine's own client.
fn objects(fleet: &str) -> Vec<String> {
    let filter = format!("label=fleet.id={fleet}");
    let mut found = Vec::new();
    for (kind, format) in
        [(["ps", "-a"], "{{.Names}}"), (["network", "ls"], "{{.Name}}"), (["volume", "ls"], "{{.Name}}")]
    {
        found.extend(docker(&[&kind[..], &["--filter", &filter, "--format", format]].concat()));
    }
    found.retain(|name| !name.starts_with("fleet-worker-"));
    found
}

#[test]
fn what_was_being_made_is_made_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let variables = variables(&[]);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (&name[..], &value[..])).collect();
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
    let fleet = parsed(&again.ask("GET", "/api/v1/admin/fleet", TOKEN, "")).1;
    let fleet = fleet["id"].as_str().expect("the fleet's id").to_owned();
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
