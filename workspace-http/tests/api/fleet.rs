//! The fleet and its placement.

use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::Rig;

#[tokio::test(start_paused = true)]
async fn the_fleet_in_one_look() {
    let rig = Rig::new().await;
    rig.workspace("hello").await;
    let fleet = rig.get("/api/v1/admin/fleet").send().await.expect(200).json();
    assert_eq!(
        fleet["servers"],
        json!({"total": 2, "by_status": {"healthy": 2},
                                        "by_label": {"region=eu": 1, "region=us": 1}})
    );
    assert_eq!(fleet["workspaces"], json!({"total": 1, "by_status": {"running": 1}}));
    assert_eq!((&fleet["totals"]["cpu_millis"], &fleet["free"]["cpu_millis"]), (&json!(8000), &json!(7900)));
}

#[tokio::test(start_paused = true)]
async fn placement_is_explained() {
    let rig = Rig::new().await;
    let explain =
        async |body: Value| rig.post("/api/v1/admin/placement/explain").json(&body).send().await.expect(200).json();
    for strategy in ["spread", "best_fit", "round_robin", "affinity"] {
        let answer = explain(json!({"image": "workspace-base", "placement": {"strategy": strategy}})).await;
        assert_eq!((&answer["strategy"], answer["server"].is_string()), (&json!(strategy), true), "{answer}");
        assert!(answer["reason"].is_string() && answer["error"].is_null());
    }
    let answer = explain(json!({"placement": {"labels": {"region": "us"}}})).await;
    assert_eq!((&answer["server"], &answer["rejections"][0]["server"]), (&json!("ws-2"), &json!("ws-1")));
    let answer = explain(json!({"resources": {"cpu_millis": 99_000}})).await;
    assert_eq!((&answer["server"], &answer["error"]["code"]), (&Value::Null, &json!("insufficient_capacity")));
    assert_eq!(answer["rejections"].as_array().unwrap().len(), 2);
    assert_eq!(answer["rejected"], json!({"insufficient_cpu": 2}), "all are counted");
    assert_eq!(answer["nearest"]["short"][0]["needs"], 99_000);
    let problem = rig.post("/api/v1/admin/placement/explain").json(&json!({"placement": {"zone": 1}})).send().await;
    problem.problem(422, "unknown_field");
    assert_eq!(rig.get("/api/v1/workspaces").send().await.json()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn the_books_are_compared() {
    let rig = Rig::new().await;
    rig.workspace("hello").await;
    let books = rig.get("/api/v1/admin/consistency").send().await.expect(200).json();
    let same = json!({
        "consistent": true, "servers": 2, "reservations": 2, "differences": [],
        "objects": 3, "strays": [], "missing": [], "unanswered": [],
    });
    assert_eq!(books, same);
}

#[tokio::test(start_paused = true)]
async fn a_pass_is_made_on_request() {
    let rig = Rig::new().await;
    rig.workspace("hello").await;
    let clean = |dry_run| json!({"dry_run": dry_run, "servers": 2, "orphans": [], "unanswered": []});
    let pass = rig.post("/api/v1/admin/reconcile").send().await.expect(200).json();
    assert_eq!(pass, clean(false), "the body may be left out");
    assert_eq!(rig.post("/api/v1/admin/reconcile").json(&json!({})).send().await.expect(200).json(), clean(false));

    rig.world.hang("ws-2", Duration::from_mins(5));
    let look = rig.post("/api/v1/admin/reconcile").json(&json!({"dry_run": true})).send().await.expect(200).json();
    assert_eq!((&look["dry_run"], &look["servers"]), (&json!(true), &json!(2)));
    assert_eq!((&look["orphans"], &look["unanswered"][0]["server"]), (&json!([]), &json!("ws-2")));

    let problem = rig.post("/api/v1/admin/reconcile").json(&json!({"dry": true})).send().await;
    problem.problem(422, "unknown_field");
    let problem = rig.post("/api/v1/admin/reconcile").json(&json!([])).send().await;
    assert_eq!(problem.expect(422).json()["hint"], "send one JSON object");
    let (_, owner) = rig.token("me", &["workspaces:read"]).await;
    rig.post("/api/v1/admin/reconcile").token(&owner).send().await.problem(403, "forbidden");
    rig.post("/api/v1/admin/reconcile").anonymous().send().await.problem(401, "unauthenticated");
}

#[tokio::test(start_paused = true)]
async fn a_fleet_where_nothing_is_open_says_so() {
    let rig = Rig::new().await;
    let servers = rig.get("/api/v1/admin/servers").send().await.expect(200).json();
    for server in servers["items"].as_array().unwrap() {
        rig.post(&format!("/api/v1/admin/servers/{}/cordon", server["id"].as_str().unwrap())).send().await.expect(200);
    }
    let answer = rig.post("/api/v1/workspaces").json(&json!({"name": "w", "image": "workspace-base"})).send().await;
    let problem = answer.problem(507, "insufficient_capacity");
    assert_eq!(problem["detail"], "none of 2 healthy servers takes new work: 2 cordoned");
}

#[tokio::test(start_paused = true)]
async fn who_asked_for_what_is_told() {
    let rig = Rig::new().await;
    let (token, anna) = rig.token("anna", &["workspaces:read", "workspaces:write"]).await;
    let body = crate::rig::sleeper("hello");
    let made = rig.post("/api/v1/workspaces?wait=60").token(&anna).json(&body).send().await.expect(201).json();
    let id = made["id"].as_str().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.delete(&format!("/api/v1/workspaces/{id}?wait=60")).send().await.expect(200);
    let get = async |query: &str| rig.get(&format!("/api/v1/admin/audit{query}")).send().await;
    let about = get(&format!("?subject={id}")).await.expect(200).json();
    let created = &about["items"][0];
    assert_eq!(
        json!([created["action"], created["owner"], created["token"], created["subject"], created["name"]]),
        json!(["workspace.create", "anna", token, id, "hello"])
    );
    let deleted = &about["items"][1];
    assert_eq!((&deleted["action"], &deleted["owner"]), (&json!("workspace.delete"), &json!("admin")));
    assert_eq!((&about["items"][2], &about["next_cursor"]), (&Value::Null, &Value::Null));
    let first = get(&format!("?subject={id}&limit=1")).await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = get(&format!("?subject={id}&cursor={cursor}")).await.expect(200).json();
    assert_eq!((&first["items"][0], &rest["items"][0]), (created, deleted));
    let from = format!("?subject={id}&from={}", deleted["at"].as_str().unwrap());
    assert_eq!(get(&from).await.expect(200).json()["items"], json!([deleted]));
    assert_eq!(get("?owner=anna").await.expect(200).json()["items"], json!([created]));

    rig.get("/api/v1/admin/audit").token(&anna).send().await.problem(403, "forbidden");
    for (query, field) in
        [("from=monday", "from"), ("subject=me", "subject"), ("limit=0", "limit"), ("cursor=x", "cursor")]
    {
        assert_eq!(get(&format!("?{query}")).await.problem(422, "invalid")["field"], field, "{query}");
    }
    let turned = format!("?from={}&to={}", deleted["at"].as_str().unwrap(), created["at"].as_str().unwrap());
    assert_eq!(get(&turned).await.problem(422, "invalid")["field"], "to");
}
