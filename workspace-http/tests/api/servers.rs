//! Servers and what is done with them.

use serde_json::json;

use crate::rig::{Rig, sleeper};

#[tokio::test(start_paused = true)]
async fn a_server_is_registered_shown_edited_and_removed() {
    let rig = Rig::empty().await;
    let body = json!({"name": "ws-1", "endpoint": "sim://ws-1", "tls": null, "capacity": null, "max_workspaces": 5,
                      "labels": {"region": "eu"}, "storage": "bind:/data", "allow_insecure": false});
    let answer = rig.post("/api/v1/admin/servers").json(&body).send().await.expect(201);
    let server = answer.json();
    let id = server["id"].as_str().unwrap();
    let path = format!("/api/v1/admin/servers/{id}");
    assert_eq!(answer.header("location"), path);
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(server["availability"], "healthy");
    assert_eq!(server["scheduling"], "active");
    assert_eq!(server["storage"], "bind:/data");
    assert_eq!(server["capacity"], json!({"cpu_millis":4000,"memory_mib":4096,"disk_gib":100,"slots":5,"gpus":0}));
    let nothing = json!({"cpu_millis":0,"memory_mib":0,"disk_gib":0,"slots":0,"gpus":0});
    assert_eq!((&server["used"], &server["reserved"]), (&nothing, &nothing));
    assert_eq!(server["workspaces"], 0);
    assert!(server["last_probe"].is_string() && server["last_error"].is_null() && server["engine"].is_string());

    assert_eq!(rig.get(&path).send().await.expect(200).json()["id"], id);
    let list = rig.get("/api/v1/admin/servers").send().await.expect(200).json();
    assert_eq!((list["items"].as_array().unwrap().len(), &list["next_cursor"]), (1, &json!(null)));
    let stats = rig.get(&format!("{path}/stats")).send().await.expect(200).json();
    assert_eq!(stats["totals"]["cpu_millis"], 4000);

    let edit = json!({"labels": {"region": "us"}, "capacity": {"cpu_millis": 2000}, "max_workspaces": 3});
    let answer = rig.patch(&path).header("if-match", "\"1\"").json(&edit).send().await.expect(200);
    assert_eq!(answer.header("etag"), "\"2\"");
    let changed = answer.json();
    assert_eq!(changed["labels"], json!({"region": "us"}));
    assert_eq!(changed["capacity"], json!({"cpu_millis":2000,"memory_mib":4096,"disk_gib":100,"slots":3,"gpus":0}));
    rig.patch(&path).header("if-match", "\"1\"").json(&edit).send().await.problem(412, "revision_mismatch");

    rig.delete(&path).send().await.problem(409, "server_in_use");
    assert_eq!(rig.post(&format!("{path}/cordon")).send().await.expect(200).json()["scheduling"], "cordoned");
    assert_eq!(rig.post(&format!("{path}/uncordon")).send().await.expect(200).json()["scheduling"], "active");
    rig.post(&format!("{path}/cordon")).send().await.expect(200);
    rig.delete(&path).header("if-match", "\"1\"").send().await.problem(412, "revision_mismatch");
    rig.delete(&path).send().await.expect(204);
    rig.get(&path).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn what_data_jobs_may_use_is_set_off_where_the_record_says_how_many_run() {
    let rig = Rig::empty().await;
    let body = json!({"name": "ws-1", "endpoint": "sim://ws-1", "job_slots": 2, "overcommit": {"memory_percent": 200}});
    let server = rig.post("/api/v1/admin/servers").json(&body).send().await.expect(201).json();
    let amounts = |cpu, memory| (json!(cpu), json!(memory));
    let of = |amounts: &serde_json::Value| (amounts["cpu_millis"].clone(), amounts["memory_mib"].clone());
    assert_eq!(of(&server["capacity"]), amounts(4000, 4096), "what it has is told as it is");
    assert_eq!(of(&server["for_jobs"]), amounts(2000, 1024));
    assert_eq!((of(&server["limits"]), of(&server["free"])), (amounts(2000, 6144), amounts(2000, 6144)));
    let mut wish = sleeper("large");
    wish["resources"] = json!({"cpu_millis": 2001, "memory_mib": 64, "disk_gib": 1});
    rig.post("/api/v1/workspaces").json(&wish).send().await.problem(507, "insufficient_capacity");

    let path = format!("/api/v1/admin/servers/{}", server["id"].as_str().unwrap());
    let edit = |slots: u32| rig.patch(&path).json(&json!({ "job_slots": slots })).send();
    let changed = edit(1).await.expect(200).json();
    assert_eq!((of(&changed["for_jobs"]), of(&changed["limits"])), (amounts(1000, 512), amounts(3000, 7168)));
    rig.post("/api/v1/workspaces").json(&wish).send().await.expect(202);
    edit(0).await.problem(422, "invalid");
}

#[tokio::test(start_paused = true)]
async fn the_key_of_a_server_is_never_shown() {
    let rig = Rig::empty().await;
    let tls = json!({"ca": "the ca", "cert": "the cert", "key": "the private key"});
    let body = json!({"name": "ws-1", "endpoint": "sim://ws-1", "tls": tls});
    let answer = rig.post("/api/v1/admin/servers").json(&body).send().await.expect(201);
    assert_eq!(answer.json()["tls"], json!({"ca": "the ca", "cert": "the cert"}));
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let list = rig.get("/api/v1/admin/servers").send().await;
    let one = rig.get(&format!("/api/v1/admin/servers/{id}")).send().await;
    for answer in [answer, list, one] {
        assert!(!answer.text().contains("private"), "{}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_not_recorded() {
    let rig = Rig::empty().await;
    rig.world.crash("ws-1");
    let body = json!({"name": "ws-1", "endpoint": "sim://ws-1"});
    let call = rig.post("/api/v1/admin/servers").header("idempotency-key", "k").json(&body);
    let problem = call.send().await.problem(422, "server_unreachable");
    assert_eq!((&problem["field"], problem["hint"].is_string()), (&json!("endpoint"), true));
    rig.world.heal("ws-1");
    rig.world.hang("ws-1", std::time::Duration::from_mins(10));
    let problem = rig.post("/api/v1/admin/servers").json(&body).send().await.problem(422, "timeout");
    assert_eq!(problem["field"], "endpoint");
    rig.world.heal("ws-1");
    let nowhere = json!({"name": "ws-9", "endpoint": "sim://nowhere"});
    rig.post("/api/v1/admin/servers").json(&nowhere).send().await.problem(422, "invalid");
    assert_eq!(rig.get("/api/v1/admin/servers").send().await.json()["items"], json!([]));
    // What failed is not remembered.
    rig.post("/api/v1/admin/servers").header("idempotency-key", "k").json(&body).send().await.expect(201);
    rig.post("/api/v1/admin/servers").json(&body).send().await.problem(409, "name_taken");
}

#[tokio::test(start_paused = true)]
async fn a_server_in_use_says_by_what() {
    let rig = Rig::new().await;
    let body = {
        let mut body = sleeper("on-it");
        body["placement"] = json!({"server": "ws-1", "required": true});
        body
    };
    let workspace = rig.post("/api/v1/workspaces?wait=60").json(&body).send().await.expect(201).json();
    let path = format!("/api/v1/admin/servers/{}", rig.server("ws-1").await);
    rig.post(&format!("{path}/cordon")).send().await.expect(200);
    let problem = rig.delete(&path).send().await.problem(409, "server_in_use");
    assert_eq!(problem["workspaces"], json!([{"id": workspace["id"], "name": "on-it"}]));
    let there = rig.get(&format!("{path}/workspaces")).send().await.expect(200).json();
    assert_eq!((&there["items"][0]["name"], &there["items"][0]["server"]), (&json!("on-it"), &json!("ws-1")));
    let server = rig.get(&path).send().await.expect(200).json();
    assert_eq!((&server["workspaces"], &server["used"]["cpu_millis"]), (&json!(1), &json!(100)));
}

#[tokio::test(start_paused = true)]
async fn servers_are_listed_in_parts() {
    let rig = Rig::new().await;
    let first = rig.get("/api/v1/admin/servers?limit=1").send().await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = rig.get(&format!("/api/v1/admin/servers?limit=1&cursor={cursor}")).send().await.expect(200).json();
    assert_eq!((&first["items"][0]["name"], &second["items"][0]["name"]), (&json!("ws-1"), &json!("ws-2")));
    assert!(second["next_cursor"].is_null());
}
