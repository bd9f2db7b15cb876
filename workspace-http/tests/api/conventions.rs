//! Errors and other things that hold for every route.

use http::Method;
use serde_json::{Value, json};

use crate::rig::{Rig, sleeper};

#[tokio::test(start_paused = true)]
async fn bad_bodies_name_the_field_and_make_nothing() {
    let rig = Rig::new().await;
    let with = |field: &str, value: Value| {
        let mut body = sleeper("hello");
        body[field] = value;
        body
    };
    let long = "x".repeat(300);
    let cases = [
        (with("colour", json!("red")), "unknown_field", "colour"),
        (with("resources", json!({"cpus": 1})), "unknown_field", "resources.cpus"),
        (with("placement", json!({"zone": 1})), "unknown_field", "placement.zone"),
        (with("name", json!("")), "invalid", "name"),
        (with("name", json!(long)), "invalid", "name"),
        (with("name", json!(5)), "invalid", "name"),
        (with("name", json!("A b")), "invalid", "name"),
        (with("image", json!("")), "invalid", "image"),
        (with("image", json!("no image!")), "invalid", "image"),
        (with("resources", json!({"cpu_millis": -1})), "invalid", "resources.cpu_millis"),
        (with("resources", json!({"memory_mib": 1_u64 << 60})), "invalid", "resources.memory_mib"),
        (with("resources", json!({"memory_mib": 1e300})), "invalid", "resources.memory_mib"),
        (with("resources", json!({"disk_gib": "much"})), "invalid", "resources.disk_gib"),
        (with("ports", json!([70000])), "invalid", "ports[0]"),
        (with("ports", json!([0])), "invalid", "ports"),
        (with("env", json!({"A": 1})), "invalid", "env.A"),
        (with("env", json!({"A=B": "1"})), "invalid", "env"),
        (with("idle_timeout", json!("soon")), "invalid", "idle_timeout"),
        (with("idle_timeout", json!("0s")), "invalid", "idle_timeout"),
        (with("ttl", json!(-5)), "invalid", "ttl"),
        (with("restart", json!({"policy": "sometimes"})), "invalid", "restart.policy"),
        (with("placement", json!({"strategy": "random"})), "invalid", "placement.strategy"),
        (with("placement", json!({"required": true})), "invalid", "placement.server"),
        (with("placement", json!({"server": "nowhere"})), "invalid", "placement.server"),
        (with("project", json!("no-uuid")), "invalid", "project"),
        (with("owner", json!("")), "invalid", "owner"),
        (json!({"image": "workspace-base"}), "invalid", "name"),
    ];
    for (body, code, field) in cases {
        let problem = rig.post("/api/v1/workspaces").json(&body).send().await.problem(422, code);
        assert_eq!(problem["field"], field, "{body} {problem}");
    }
    assert_eq!(rig.get("/api/v1/workspaces").send().await.json()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_json_is_malformed() {
    let rig = Rig::new().await;
    for body in ["", "{", "name=x", "{\"name\": \"a\"} trailing"] {
        rig.post("/api/v1/workspaces").body(body).send().await.problem(400, "malformed_json");
        rig.post("/api/v1/tokens").body(body).send().await.problem(400, "malformed_json");
    }
    rig.post("/api/v1/workspaces").body(vec![b'"', 0xFF, b'"']).send().await.problem(400, "malformed_json");
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_per_owner() {
    let rig = Rig::new().await;
    rig.workspace("hello").await;
    let problem = rig.post("/api/v1/workspaces").json(&sleeper("hello")).send().await.problem(409, "name_taken");
    assert!(problem["hint"].is_string());
    assert_eq!(rig.get("/api/v1/workspaces").send().await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn more_than_any_server_has() {
    let rig = Rig::new().await;
    let mut body = sleeper("big");
    body["resources"]["memory_mib"] = json!(100_000);
    let problem = rig.post("/api/v1/workspaces").json(&body).send().await.problem(507, "insufficient_capacity");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("100000") && detail.contains("4096"), "{detail}");
    assert_eq!(problem["rejections"].as_array().unwrap().len(), 2);
    assert_eq!(problem["rejections"][0]["code"], "insufficient_memory");
    assert_eq!(problem["retryable"], true);
    let mut body = sleeper("labels");
    body["placement"] = json!({"labels": {"gpu": "true"}});
    let problem = rig.post("/api/v1/workspaces").json(&body).send().await.problem(507, "insufficient_capacity");
    assert_eq!(problem["rejections"][0]["code"], "labels");
}

#[tokio::test(start_paused = true)]
async fn without_a_healthy_server_there_is_503() {
    let rig = Rig::empty().await;
    let answer = rig.post("/api/v1/workspaces").json(&sleeper("x")).send().await;
    assert_eq!(answer.header("retry-after"), "5");
    answer.problem(503, "no_healthy_servers");
}

#[tokio::test(start_paused = true)]
async fn unknown_routes_and_methods() {
    let rig = Rig::new().await;
    for path in ["/", "/nowhere", "/api/v1", "/api/v1/nothing", "/api/v1/workspaces/x/drain", "/api/v2/workspaces"] {
        rig.get(path).anonymous().send().await.problem(404, "route_not_found");
    }
    let answer = rig.call(Method::PUT, "/api/v1/workspaces").send().await;
    assert_eq!(answer.header("allow"), "GET,HEAD,POST");
    answer.problem(405, "method_not_allowed");
    rig.call(Method::GET, "/api/v1/workspaces/x/start").send().await.problem(405, "method_not_allowed");
}

#[tokio::test(start_paused = true)]
async fn every_request_has_an_id() {
    let rig = Rig::new().await;
    let given = rig.get("/healthz").header("x-request-id", "abc-1").send().await.expect(200);
    assert_eq!(given.header("x-request-id"), "abc-1");
    let odd = rig.get("/nowhere").header("x-request-id", "a b").send().await;
    assert_eq!(odd.header("x-request-id").len(), 36);
}

#[tokio::test(start_paused = true)]
async fn health_and_metrics_need_no_token() {
    let rig = Rig::new().await;
    rig.workspace("hello").await;
    assert_eq!(rig.get("/healthz").anonymous().send().await.expect(200).json()["status"], "ok");
    assert_eq!(rig.get("/readyz").anonymous().send().await.expect(200).json()["status"], "ready");
    let metrics = rig.get("/metrics").anonymous().send().await.expect(200).text();
    for line in [
        "workspace_servers{availability=\"healthy\"} 2",
        "workspace_workspaces{status=\"running\"} 1",
        "workspace_http_requests_total{route=\"/api/v1/workspaces\",method=\"POST\",status=\"201\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_can_be_nested() {
    let rig = Rig::new().await;
    let nested = Rig { app: axum::Router::new().nest("/fleet", rig.app.clone()), ..rig };
    let answer = nested.post("/fleet/api/v1/workspaces?wait=60").json(&sleeper("hello")).send().await.expect(201);
    let path = format!("/fleet/api/v1/workspaces/{}", answer.json()["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), path);
    nested.get(&path).send().await.expect(200);
    nested.get("/fleet/nowhere").send().await.problem(404, "route_not_found");
}
