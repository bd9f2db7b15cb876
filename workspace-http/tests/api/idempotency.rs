//! Requests that are repeated.

use serde_json::json;

use crate::rig::{Rig, sleeper};

#[tokio::test(start_paused = true)]
async fn a_repeated_create_makes_one_workspace() {
    let rig = Rig::new().await;
    let create = |body: &serde_json::Value, key: &str, query: &str| {
        rig.post(&format!("/api/v1/workspaces{query}")).header("idempotency-key", key).json(body)
    };
    let (first, second) =
        tokio::join!(create(&sleeper("a"), "k1", "").send(), create(&sleeper("a"), "k1", "?wait=60").send());
    let (first, second) = (first.expect(202).json(), second.expect(201).json());
    assert_eq!(first["id"], second["id"]);
    let third = create(&sleeper("a"), "k1", "").send().await.expect(202).json();
    assert_eq!(third["id"], first["id"]);
    create(&sleeper("b"), "k1", "").send().await.problem(422, "idempotency_mismatch");
    create(&sleeper("a"), "k2", "").send().await.problem(409, "name_taken");
    for bad in ["", &"k".repeat(256)] {
        let problem = create(&sleeper("c"), bad, "").send().await.problem(422, "invalid");
        assert_eq!(problem["field"], "Idempotency-Key");
    }
    // Keys of two owners never meet.
    let (_, alice) = rig.token("alice", &["workspaces:read", "workspaces:write"]).await;
    let hers = create(&sleeper("b"), "k1", "").token(&alice).send().await.expect(202).json();
    assert_ne!(hers["id"], first["id"]);
    assert_eq!(rig.get("/api/v1/workspaces").send().await.json()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_registration_makes_one_server() {
    let rig = Rig::empty().await;
    let body = json!({"name": "ws-1", "endpoint": "sim://ws-1"});
    let register = || rig.post("/api/v1/admin/servers").header("idempotency-key", "k").json(&body);
    let (first, second) = (register().send().await.expect(201).json(), register().send().await.expect(201).json());
    assert_eq!(first["id"], second["id"]);
    let other = json!({"name": "ws-2", "endpoint": "sim://ws-2"});
    let call = rig.post("/api/v1/admin/servers").header("idempotency-key", "k").json(&other);
    call.send().await.problem(422, "idempotency_mismatch");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_token_is_not_made_twice() {
    let rig = Rig::empty().await;
    let body = json!({"owner": "alice", "scopes": ["exec"]});
    let issue = |body: &serde_json::Value| rig.post("/api/v1/tokens").header("idempotency-key", "k").json(body);
    let id = issue(&body).send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let problem = issue(&body).send().await.problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains(&id));
    issue(&json!({"owner": "bob", "scopes": ["exec"]})).send().await.problem(422, "idempotency_mismatch");
}
