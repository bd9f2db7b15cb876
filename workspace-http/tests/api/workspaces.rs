//! The life of workspaces.

use serde_json::{Value, json};

use crate::rig::{Rig, sleeper};

#[tokio::test(start_paused = true)]
async fn a_workspace_lives() {
    let rig = Rig::new().await;
    let body = json!({"name": "hello-1", "type": null, "project": null, "image": "workspace-base",
        "restart": {"policy": "on_failure", "max": 3}, "failover": "manual", "command": ["sleep", "infinity"],
        "env": {"A": "b"}, "ports": [8000],
        "resources": {"cpu_millis": 500, "memory_mib": 256, "disk_gib": 1, "gpus": 0},
        "placement": {"strategy": "spread", "labels": {"region": "eu"}}, "idle_timeout": "30m", "ttl": null});
    let answer = rig.post("/api/v1/workspaces").json(&body).send().await.expect(202);
    let made = answer.json();
    let path = format!("/api/v1/workspaces/{}", made["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), path);
    assert_eq!((&made["status"], &made["intent"]), (&json!("pending"), &json!("running")));
    assert_eq!((&made["server"], &made["owner"], &made["revision"]), (&json!("ws-1"), &json!("admin"), &json!(1)));
    assert_eq!((&made["placement"]["strategy"], &made["idle_timeout"]), (&json!("spread"), &json!("30m")));
    assert_eq!(made["placement"]["rejections"][0]["server"], "ws-2");
    assert_eq!(made["placement"]["rejections"][0]["code"], "labels");
    for null in ["url", "error", "ttl", "type"] {
        assert!(made[null].is_null(), "{null}");
    }

    let started = rig.post(&format!("{path}/start?wait=60")).send().await.expect(200).json();
    assert_eq!((&started["status"], &started["generation"]), (&json!("running"), &json!(1)));
    let status = rig.get(&format!("{path}/status")).send().await.expect(200).json();
    assert_eq!((&status["container"]["status"], &status["health"]), (&json!("running"), &started["health"]));
    assert!(rig.get(&format!("{path}/stats")).send().await.expect(200).json()["memory_bytes"].is_u64());

    assert_eq!(rig.post(&format!("{path}/stop")).send().await.expect(202).json()["status"], "stopping");
    assert_eq!(rig.post(&format!("{path}/stop?wait=60")).send().await.expect(200).json()["status"], "stopped");
    rig.get(&format!("{path}/stats")).send().await.problem(409, "not_running");
    assert_eq!(rig.post(&format!("{path}/start")).send().await.expect(202).json()["status"], "starting");
    let again = rig.post(&format!("{path}/restart?wait=60")).send().await.expect(200).json();
    assert_eq!((&again["status"], again["generation"].as_u64() > Some(2)), (&json!("running"), true));

    assert_eq!(rig.delete(&format!("{path}?wait=60")).send().await.expect(200).json()["status"], "deleted");
    rig.get(&path).send().await.problem(404, "not_found");
    for name in ["ws-1", "ws-2"] {
        let id = rig.server(name).await;
        let server = rig.get(&format!("/api/v1/admin/servers/{id}")).send().await.json();
        assert_eq!(server["used"], json!({"cpu_millis":0,"memory_mib":0,"disk_gib":0,"slots":0,"gpus":0}));
    }
    assert_eq!(rig.world.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn edits_apply_at_once_or_with_the_next_start() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    let edit = json!({"name": "renamed", "labels": {"a": "b"}, "idle_timeout": "2h", "ttl": 86400,
                       "restart": {"policy": "never"}, "failover": "auto"});
    let answer = rig.patch(&path).json(&edit).send().await.expect(200);
    assert_eq!(answer.header("etag"), "\"2\"");
    let row = answer.json();
    assert_eq!(
        (&row["name"], &row["labels"], &row["idle_timeout"]),
        (&json!("renamed"), &json!({"a": "b"}), &json!("2h"))
    );
    assert_eq!((&row["ttl"], &row["failover"]), (&json!("1d"), &json!("auto")));
    assert_eq!((&row["restart"]["policy"], &row["pending_restart"]), (&json!("never"), &json!(false)));

    let row = rig.patch(&path).json(&json!({"idle_timeout": null})).send().await.expect(200).json();
    assert_eq!((&row["idle_timeout"], &row["ttl"]), (&Value::Null, &json!("1d")));
    let row = rig.patch(&path).json(&json!({"env": {"NEW": "1"}})).send().await.expect(200).json();
    assert_eq!(row["pending_restart"], true);
    let row = rig.post(&format!("{path}/restart?wait=60")).send().await.expect(200).json();
    assert_eq!((&row["pending_restart"], &row["env"]["NEW"]), (&json!(false), &json!("1")));
}

#[tokio::test(start_paused = true)]
async fn edits_are_guarded_by_the_revision() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    assert_eq!(rig.get(&path).send().await.header("etag"), "\"1\"");
    let edit = json!({"labels": {"a": "b"}});
    for stale in ["\"7\"", "W/\"1\"", "\"abc\""] {
        rig.patch(&path).header("if-match", stale).json(&edit).send().await.problem(412, "revision_mismatch");
        rig.delete(&path).header("if-match", stale).send().await.problem(412, "revision_mismatch");
    }
    for malformed in ["1", "\"1", "\"1\", \"2\""] {
        let problem =
            rig.patch(&path).header("if-match", malformed).json(&edit).send().await.problem(400, "malformed_request");
        assert_eq!(problem["field"], "If-Match");
    }
    assert_eq!(rig.get(&path).send().await.json()["revision"], 1);
    rig.patch(&path).header("if-match", "\"1\"").json(&edit).send().await.expect(200);
    rig.patch(&path).header("if-match", "*").json(&json!({"labels": {}})).send().await.expect(200);
    rig.delete(&path).header("if-match", "\"3\"").send().await.expect(202);
}

#[tokio::test(start_paused = true)]
async fn lists_are_filtered_and_come_in_parts() {
    let rig = Rig::new().await;
    for name in ["a", "b", "c"] {
        rig.workspace(name).await;
    }
    let mut other = sleeper("a");
    other["owner"] = json!("alice");
    rig.post("/api/v1/workspaces?wait=60").json(&other).send().await.expect(201);
    let names = async |query: &str| {
        let list = rig.get(&format!("/api/v1/workspaces?{query}")).send().await.expect(200).json();
        let items = list["items"].as_array().unwrap().iter();
        (items.map(|item| item["name"].as_str().unwrap().to_owned()).collect::<String>(), list)
    };
    let (all, list) = names("").await;
    assert_eq!((all.as_str(), &list["next_cursor"]), ("abca", &Value::Null));
    let (first, list) = names("limit=3").await;
    let (rest, _) = names(&format!("limit=3&cursor={}", list["next_cursor"].as_str().unwrap())).await;
    assert_eq!((first.as_str(), rest.as_str()), ("abc", "a"));
    assert_eq!(names("owner=alice").await.0, "a");
    assert_eq!(names("name=a").await.0, "aa");
    assert_eq!(names("status=running&intent=running").await.0, "abca");
    assert_eq!(names("status=stopped").await.0, "");
    let (on_first, on_second) = (names("server=ws-1").await.0, names("server=ws-2").await.0);
    assert_eq!(on_first.len() + on_second.len(), 4);
    assert_eq!(names("server=nowhere").await.0, "");
    let sum = rig.get("/api/v1/workspaces/stats").send().await.expect(200).json();
    assert_eq!(
        (&sum["total"], &sum["by_status"], &sum["resources"]["cpu_millis"]),
        (&json!(4), &json!({"running": 4}), &json!(400))
    );
    let project = list["items"][0]["project"].as_str().unwrap();
    assert_eq!(names(&format!("project={project}")).await.0, "a");
    for (query, field) in [("limit=0", "limit"), ("limit=x", "limit"), ("cursor=x", "cursor"), ("status=odd", "status")]
    {
        let problem = rig.get(&format!("/api/v1/workspaces?{query}")).send().await.problem(422, "invalid");
        assert_eq!(problem["field"], field, "{problem}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_does_not_exist_is_told_by_the_workspace() {
    let rig = Rig::new().await;
    let mut body = sleeper("hello");
    body["image"] = json!("no-such-image");
    let row = rig.post("/api/v1/workspaces?wait=120").json(&body).send().await.expect(201).json();
    assert_eq!((&row["status"], &row["error"]["code"]), (&json!("error"), &json!("image_not_found")), "{row}");
    assert!(row["error"]["message"].as_str().unwrap().contains("no-such-image"));
    // Its way out: another image, and a new start.
    let path = format!("/api/v1/workspaces/{}", row["id"].as_str().unwrap());
    rig.patch(&path).json(&json!({"image": "from-registry"})).send().await.expect(200);
    let row = rig.post(&format!("{path}/start?wait=60")).send().await.expect(200).json();
    assert_eq!((&row["status"], &row["error"]), (&json!("running"), &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn types_of_the_configuration() {
    let rig = Rig::new().await;
    let types = rig.get("/api/v1/workspaces/types").send().await.expect(200).json();
    assert_eq!((&types["items"][0]["name"], &types["items"][0]["image"]), (&json!("small"), &json!("workspace-base")));
    let row = rig.post("/api/v1/workspaces?wait=60").json(&json!({"name": "typed", "type": "small"})).send().await;
    assert_eq!(row.expect(201).json()["image"], "workspace-base");
    let problem = rig.post("/api/v1/workspaces").json(&json!({"name": "x", "type": "huge"})).send().await;
    assert_eq!(problem.problem(422, "invalid")["field"], "type");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_short_answers_202() {
    let rig = Rig::new().await;
    rig.world.hang("ws-1", std::time::Duration::from_secs(20));
    rig.world.hang("ws-2", std::time::Duration::from_secs(20));
    let row = rig.post("/api/v1/workspaces?wait=500ms").json(&sleeper("slow")).send().await.expect(202).json();
    assert_ne!(row["status"], "running");
    for wait in ["301", "-1", "soon"] {
        let problem = rig.post(&format!("/api/v1/workspaces?wait={wait}")).json(&sleeper("x")).send().await;
        assert_eq!(problem.problem(422, "invalid")["field"], "wait");
    }
}
