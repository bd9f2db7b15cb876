//! Health checks of workspaces.

use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::{Rig, sleeper};

fn checked(name: &str, health: Value) -> Value {
    let mut body = sleeper(name);
    body["health"] = health;
    body
}

#[tokio::test(start_paused = true)]
async fn a_workspace_is_healthy_when_its_check_says_so() {
    let rig = Rig::new().await;
    let body = checked("one", json!({"file": "ready", "interval": "5s"}));
    let made = rig.post("/api/v1/workspaces?wait=60").json(&body).send().await.expect(201).json();
    assert_eq!((&made["status"], &made["health"]), (&json!("running"), &json!("starting")));
    let expected = json!({"file": "ready", "interval": "5s", "timeout": "2s", "start_period": "30s", "retries": 3});
    assert_eq!(made["health_check"], expected);
    let path = format!("/api/v1/workspaces/{}", made["id"].as_str().unwrap());
    rig.put(&format!("{path}/files/ready")).body("").send().await.expect(200);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let seen = rig.get(&path).send().await.expect(200).json();
    assert_eq!((&seen["status"], &seen["health"]), (&json!("running"), &json!("healthy")));
    let plain = rig.workspace("plain").await;
    let plain = rig.get(&plain).send().await.json();
    assert_eq!((&plain["health"], &plain["health_check"]), (&json!("healthy"), &Value::Null), "what runs is well");
}

#[tokio::test(start_paused = true)]
async fn checks_that_make_no_sense_name_their_field() {
    let rig = Rig::new().await;
    for (health, code, field) in [
        (json!({}), "invalid", "health"),
        (json!({"file": "a", "tcp": {"port": 1}}), "invalid", "health"),
        (json!({"tcp": {"port": 0}}), "invalid", "health.tcp.port"),
        (json!({"tcp": {"port": 1, "host": "x"}}), "unknown_field", "health.tcp.host"),
        (json!({"http": {"port": 80, "path": "x"}}), "invalid", "health.http.path"),
        (json!({"exec": {"argv": []}}), "invalid", "health.exec.argv"),
        (json!({"file": "../x"}), "invalid", "health.file"),
        (json!({"file": "a", "interval": "10ms"}), "invalid", "health.interval"),
        (json!({"file": "a", "every": "10s"}), "unknown_field", "health.every"),
    ] {
        let answer = rig.post("/api/v1/workspaces").json(&checked("w", health.clone())).send().await;
        assert_eq!(answer.problem(422, code)["field"], field, "{health}");
    }
}
