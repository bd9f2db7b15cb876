//! Whether what runs does what it is for.

use serde_json::{Value, json};

use crate::rig::{Rig, eventually};

#[test]
fn a_page_that_is_not_there_makes_a_workspace_unhealthy_until_it_is() {
    let rig = Rig::new();
    let body = json!({
        "name": "site", "image": "workspace-base", "command": ["httpd", "-f", "-p", "8000", "-h", "/workspace"],
        "resources": { "cpu_millis": 100, "memory_mib": 64, "disk_gib": 1 },
        "health": {
            "http": { "port": 8000, "path": "/ready" },
            "interval": "1s", "start_period": "2s", "retries": 2,
        },
    });
    let row = rig.post("/workspaces?wait=60", &body).ok();
    assert_eq!((&row["status"], &row["health"]), (&json!("running"), &json!("starting")), "{row}");
    let id = row["id"].as_str().unwrap();
    let is = |wanted: &str| {
        let row: Value = rig.get(&format!("/workspaces/{id}"));
        (row["health"] == wanted).then_some(row)
    };
    let ill = eventually("it is unhealthy", || is("unhealthy"));
    assert_eq!(ill["status"], "running", "an unhealthy workspace is shown, not restarted");
    rig.shell(id, "echo ok > ready");
    eventually("it is healthy", || is("healthy"));
    rig.shell(id, "rm ready");
    eventually("it is unhealthy again", || is("unhealthy"));

    let two = json!({ "file": "ready", "tcp": { "port": 8000 } });
    rig.post("/workspaces", &json!({ "name": "two", "image": "workspace-base", "health": two }))
        .problem(422, "invalid");
}
