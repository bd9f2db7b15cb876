//! Who may do what.

use http::Method;
use serde_json::json;

use crate::rig::{Rig, sleeper};

const MISSING: &str = "01890000-0000-7000-8000-000000000000";

#[tokio::test(start_paused = true)]
async fn without_a_good_token_there_is_401() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    for path in [path.as_str(), "/api/v1/workspaces", "/api/v1/workspaces/no-uuid", "/api/v1/admin/servers"] {
        let answer = rig.get(path).anonymous().send().await;
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        answer.problem(401, "unauthenticated");
        rig.get(path).token("wrong").send().await.problem(401, "unauthenticated");
    }
    for header in ["", "Bearer", "Bearer ", "Basic dGVzdA==", "test-admin-token"] {
        rig.get("/api/v1/workspaces").header("authorization", header).send().await.problem(401, "unauthenticated");
    }
    // Before anything else of the request is looked at.
    rig.post("/api/v1/workspaces").anonymous().body("{").send().await.problem(401, "unauthenticated");
    rig.get("/api/v1/workspaces").header("authorization", "bearer test-admin-token").send().await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn what_is_foreign_is_missing_byte_for_byte() {
    let rig = Rig::new().await;
    let everything = ["workspaces:read", "workspaces:write", "exec"];
    let (_, alice) = rig.token("alice", &everything).await;
    let (_, bob) = rig.token("bob", &everything).await;
    let made = rig.post("/api/v1/workspaces?wait=60").token(&alice).json(&sleeper("mine")).send().await.expect(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.json()["owner"], "alice");
    rig.get(&format!("/api/v1/workspaces/{id}")).token(&alice).send().await.expect(200);
    rig.get(&format!("/api/v1/workspaces/{id}")).send().await.expect(200);

    let exec = json!({"argv": ["true"]}).to_string();
    let routes = [
        (Method::GET, "", ""),
        (Method::PATCH, "", "{}"),
        (Method::DELETE, "", ""),
        (Method::POST, "/start", ""),
        (Method::POST, "/stop?wait=5", ""),
        (Method::POST, "/restart", ""),
        (Method::GET, "/status", ""),
        (Method::GET, "/stats", ""),
        (Method::GET, "/events", ""),
        (Method::GET, "/logs", ""),
        (Method::POST, "/exec", exec.as_str()),
        (Method::POST, "/run", "{\"line\":\"true\"}"),
        (Method::GET, "/files", ""),
        (Method::GET, "/files/a", ""),
        (Method::PUT, "/files/a", "x"),
        (Method::DELETE, "/files/a", ""),
    ];
    for (method, route, body) in routes {
        let mut answers = Vec::new();
        for id in [id.as_str(), MISSING, "no-uuid", "%FF"] {
            let path = format!("/api/v1/workspaces/{id}{route}");
            let answer = rig.call(method.clone(), &path).token(&bob).body(body.to_owned()).send().await;
            assert_eq!(answer.status.as_u16(), 404, "{method} {path}: {}", answer.text());
            answers.push(answer.body);
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{method} {route}");
    }
    let list = rig.get("/api/v1/workspaces").token(&bob).send().await.expect(200).json();
    assert_eq!(list["items"], json!([]));
    let list = rig.get("/api/v1/workspaces?owner=alice").token(&bob).send().await.expect(200).json();
    assert_eq!(list["items"], json!([]));
    // The same name is free for another owner.
    rig.post("/api/v1/workspaces").token(&bob).json(&sleeper("mine")).send().await.expect(202);
}

#[tokio::test(start_paused = true)]
async fn scopes_are_kept() {
    let rig = Rig::new().await;
    let path = {
        let (_, alice) = rig.token("alice", &["workspaces:read", "workspaces:write"]).await;
        let made = rig.post("/api/v1/workspaces?wait=60").token(&alice).json(&sleeper("mine")).send().await;
        format!("/api/v1/workspaces/{}", made.expect(201).json()["id"].as_str().unwrap())
    };
    let (_, read) = rig.token("alice", &["workspaces:read"]).await;
    let (_, write) = rig.token("alice", &["workspaces:write"]).await;
    let (_, exec) = rig.token("alice", &["exec"]).await;
    let argv = json!({"argv": ["true"]});
    let exec_path = format!("{path}/exec");

    rig.get(&path).token(&read).send().await.expect(200);
    rig.get(&path).token(&write).send().await.problem(403, "forbidden");
    rig.get(&path).token(&exec).send().await.problem(403, "forbidden");
    rig.get("/api/v1/workspaces/types").token(&exec).send().await.problem(403, "forbidden");
    rig.get("/api/v1/workspaces?server=ws-1").token(&exec).send().await.problem(403, "forbidden");
    rig.post(&exec_path).token(&exec).json(&argv).send().await.expect(200);
    rig.post(&exec_path).token(&read).json(&argv).send().await.problem(403, "forbidden");
    rig.put(&format!("{path}/files/a")).token(&read).body("x").send().await.problem(403, "forbidden");
    rig.post("/api/v1/workspaces").token(&read).json(&sleeper("x")).send().await.problem(403, "forbidden");
    rig.delete(&path).token(&read).send().await.problem(403, "forbidden");
    // A wait reads: without the scope nothing happens at all.
    rig.post("/api/v1/workspaces?wait=1").token(&write).json(&sleeper("x")).send().await.problem(403, "forbidden");
    rig.post("/api/v1/workspaces").token(&write).json(&sleeper("x")).send().await.expect(202);
    let mut for_bob = sleeper("y");
    for_bob["owner"] = json!("bob");
    rig.post("/api/v1/workspaces").token(&write).json(&for_bob).send().await.problem(403, "forbidden");

    for (method, admin) in [
        (Method::GET, "/api/v1/admin/servers".to_owned()),
        (Method::GET, format!("/api/v1/admin/servers/{MISSING}")),
        (Method::POST, format!("/api/v1/admin/servers/{MISSING}/cordon")),
        (Method::DELETE, format!("/api/v1/admin/servers/{MISSING}")),
        (Method::GET, "/api/v1/admin/fleet".to_owned()),
        (Method::GET, "/api/v1/admin/fleet/events".to_owned()),
        (Method::DELETE, format!("/api/v1/tokens/{MISSING}")),
    ] {
        rig.call(method, &admin).token(&write).send().await.problem(403, "forbidden");
    }
    let body = json!({"owner": "alice", "scopes": ["admin"]});
    rig.post("/api/v1/tokens").token(&write).json(&body).send().await.problem(403, "forbidden");
    let (_, admin) = rig.token("ops", &["admin"]).await;
    rig.get("/api/v1/admin/servers").token(&admin).send().await.expect(200);
    rig.get(&path).token(&admin).send().await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn tokens_end() {
    let rig = Rig::new().await;
    let (id, token) = rig.token("alice", &["workspaces:read"]).await;
    assert!(token.starts_with("wsf_"));
    rig.get("/api/v1/workspaces").token(&token).send().await.expect(200);
    rig.delete(&format!("/api/v1/tokens/{id}")).send().await.expect(204);
    rig.get("/api/v1/workspaces").token(&token).send().await.problem(401, "unauthenticated");
    rig.delete(&format!("/api/v1/tokens/{id}")).send().await.expect(204);
    rig.delete(&format!("/api/v1/tokens/{MISSING}")).send().await.problem(404, "not_found");

    let now = rig.get(&format!("/api/v1/admin/servers/{}", rig.server("ws-1").await)).send().await.json();
    let now = workspace_core::clock::Timestamp::parse(now["created_at"].as_str().unwrap()).unwrap();
    let soon = now.plus(std::time::Duration::from_mins(1));
    let body = json!({"owner": "alice", "scopes": ["workspaces:read"], "expires_at": soon});
    let issued = rig.post("/api/v1/tokens").json(&body).send().await.expect(201);
    assert_eq!(issued.header("cache-control"), "no-store");
    let token = issued.json()["token"].as_str().unwrap().to_owned();
    rig.get("/api/v1/workspaces").token(&token).send().await.expect(200);
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    rig.get("/api/v1/workspaces").token(&token).send().await.problem(401, "unauthenticated");
    let past = rig.post("/api/v1/tokens").json(&body).send().await.problem(422, "invalid");
    assert_eq!(past["field"], "expires_at");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_checked() {
    let rig = Rig::new().await;
    for (body, field) in [
        (json!({"owner": "a", "scopes": []}), "scopes"),
        (json!({"owner": "a", "scopes": ["root"]}), "scopes[0]"),
        (json!({"owner": "", "scopes": ["exec"]}), "owner"),
        (json!({"scopes": ["exec"]}), "owner"),
        (json!({"owner": "a", "scopes": ["exec"], "expires_at": "tomorrow"}), "expires_at"),
    ] {
        let problem = rig.post("/api/v1/tokens").json(&body).send().await.problem(422, "invalid");
        assert_eq!(problem["field"], field, "{problem}");
    }
}
