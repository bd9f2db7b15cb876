//! Server-sent events.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::rig::{Rig, sleeper};

/// One event of a stream.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: Option<u64>,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

/// The events in the text of a stream, comments and `retry` aside.
pub(crate) fn events_of(text: &str) -> Vec<Event> {
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    let blocks = text.split("\n\n").filter(|block| field(block, "event").is_some());
    blocks
        .map(|block| Event {
            id: field(block, "id").map(|id| id.parse().unwrap()),
            kind: field(block, "event").unwrap(),
            data: serde_json::from_str(&field(block, "data").unwrap()).unwrap(),
        })
        .collect()
}

/// Reads a stream until its text fulfils a condition; fails after a minute.
async fn read_until(body: &mut Body, text: &mut String, done: impl Fn(&str) -> bool) {
    let read = async {
        while !done(text) {
            let frame = body.frame().await.unwrap_or_else(|| panic!("the stream ended after {text}")).unwrap();
            text.push_str(core::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_mins(1), read).await.unwrap_or_else(|_| panic!("not yet in\n{text}"));
}

/// Reads a stream to its end; fails after a minute.
async fn read_to_end(body: &mut Body, text: &mut String) {
    let read = async {
        while let Some(frame) = body.frame().await {
            text.push_str(core::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_mins(1), read).await.expect("the stream ends");
}

#[tokio::test(start_paused = true)]
async fn events_are_replayed_and_followed() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    let answer = rig.get(&format!("{path}/events")).open().await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let (mut body, mut text) = (answer.into_body(), String::new());
    read_until(&mut body, &mut text, |text| text.contains("workspace.running")).await;
    assert!(text.starts_with("retry: 2000\n\n"), "{text}");
    let before = events_of(&text);
    assert!(before.iter().enumerate().all(|(at, event)| event.id == Some(at as u64 + 1)), "{before:?}");
    assert_eq!(before[0].kind, "workspace.created");
    assert!(before[0].data["at"].is_string() && before[0].data["name"] == "hello");

    rig.post(&format!("{path}/stop?wait=60")).send().await.expect(200);
    read_until(&mut body, &mut text, |text| text.contains("workspace.stopped")).await;
    let all = events_of(&text);

    // After a break exactly what is missing comes.
    let last = before.len().to_string();
    for call in [
        rig.get(&format!("{path}/events")).header("last-event-id", &last),
        rig.get(&format!("{path}/events?after={last}")),
        rig.get(&format!("{path}/events?after=0")).header("last-event-id", &last),
    ] {
        let (mut body, mut text) = (call.open().await.into_body(), String::new());
        read_until(&mut body, &mut text, |text| text.contains("workspace.stopped")).await;
        let rest: Vec<_> = events_of(&text).into_iter().map(|event| event.id).collect();
        assert_eq!(rest, all[before.len()..].iter().map(|event| event.id).collect::<Vec<_>>());
    }
    let page = |query: &str| rig.get(&format!("{path}/events{query}")).header("accept", "application/json");
    let first = page("?limit=2").send().await.expect(200).json();
    assert_eq!((&first["items"][1]["seq"], &first["next_cursor"]), (&json!(2), &json!("2")));
    let rest = page("?cursor=2").send().await.expect(200).json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (all.len() - 2, &Value::Null));
    let wrong = rig.get(&format!("{path}/events")).header("last-event-id", "x").send().await.problem(422, "invalid");
    assert_eq!(wrong["field"], "Last-Event-ID");
    assert_eq!(rig.get(&format!("{path}/events?after=x")).send().await.problem(422, "invalid")["field"], "after");
}

#[tokio::test(start_paused = true)]
async fn pruned_history_is_a_gap() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    let page = || rig.get(&format!("{path}/events")).header("accept", "application/json");
    let before = page().send().await.expect(200).json();
    let last = before["items"].as_array().unwrap().last().unwrap().clone();
    tokio::time::sleep(Duration::from_hours(3)).await;

    let (number, gone) = (last["seq"].as_u64().unwrap(), last["seq"].as_u64().unwrap() - 1);
    let (mut body, mut text) = (rig.get(&format!("{path}/events?after=0")).open().await.into_body(), String::new());
    read_until(&mut body, &mut text, |text| text.contains("workspace.running")).await;
    let [gap, rest] = &events_of(&text)[..] else { unreachable!("{text}") };
    assert_eq!((gap.kind.as_str(), gap.id, rest.id), ("gap", Some(gone), Some(number)));
    assert_eq!((&gap.data["from"], &gap.data["to"]), (&json!(1), &json!(gone)));
    let after = page().send().await.expect(200).json();
    assert_eq!((&after["items"][0]["kind"], &after["items"][1]), (&json!("gap"), &last));
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_has_a_heartbeat() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    let (mut body, mut text) = (rig.get(&format!("{path}/events")).open().await.into_body(), String::new());
    let began = tokio::time::Instant::now();
    read_until(&mut body, &mut text, |text| text.contains(": heartbeat\n")).await;
    assert!(began.elapsed() <= Duration::from_secs(16), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn servers_and_the_fleet_tell_what_happens() {
    let rig = Rig::new().await;
    let path = format!("/api/v1/admin/servers/{}", rig.server("ws-1").await);
    let (mut server, mut text) = (rig.get(&format!("{path}/events")).open().await.into_body(), String::new());
    read_until(&mut server, &mut text, |text| text.contains("server.registered")).await;
    rig.post(&format!("{path}/cordon")).send().await.expect(200);
    read_until(&mut server, &mut text, |text| text.contains("server.cordoned")).await;
    let (mut fleet, mut text) = (rig.get("/api/v1/admin/fleet/events").open().await.into_body(), String::new());
    read_until(&mut fleet, &mut text, |text| text.matches("server.registered").count() == 2).await;
    rig.delete(&path).send().await.expect(204);
    read_until(&mut fleet, &mut text, |text| text.contains("server.removed")).await;
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_cuts_its_streams() {
    let rig = Rig::new().await;
    let (id, token) = rig.token("alice", &["workspaces:read", "workspaces:write", "exec"]).await;
    let made = rig.post("/api/v1/workspaces?wait=60").token(&token).json(&sleeper("mine")).send().await.expect(201);
    let path = format!("/api/v1/workspaces/{}", made.json()["id"].as_str().unwrap());
    let exec = rig.post(&format!("{path}/exec")).token(&token).header("accept", "text/event-stream");
    let mut streams = [
        rig.get(&format!("{path}/events")).token(&token).open().await.into_body(),
        rig.get(&format!("{path}/logs?follow=true")).token(&token).open().await.into_body(),
        exec.json(&json!({"argv": ["sleep", "infinity"], "timeout": "1h"})).open().await.into_body(),
    ];
    rig.delete(&format!("/api/v1/tokens/{id}")).send().await.expect(204);
    for stream in &mut streams {
        read_to_end(stream, &mut String::new()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_every_stream() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    let exec = rig.post(&format!("{path}/exec")).header("accept", "text/event-stream");
    let mut streams = [
        rig.get(&format!("{path}/events")).open().await.into_body(),
        rig.get(&format!("{path}/logs?follow=true")).open().await.into_body(),
        rig.get("/api/v1/admin/fleet/events").open().await.into_body(),
        exec.json(&json!({"argv": ["sleep", "infinity"], "timeout": "1h"})).open().await.into_body(),
    ];
    rig.orchestrator.shutdown().await;
    for stream in &mut streams {
        read_to_end(stream, &mut String::new()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn logs_are_streamed() {
    let rig = Rig::new().await;
    let mut body = sleeper("talker");
    body["command"] = json!(["echo", "hello", "log"]);
    body["restart"] = json!({"policy": "never"});
    let made = rig.post("/api/v1/workspaces?wait=60").json(&body).send().await.expect(201).json();
    let path = format!("/api/v1/workspaces/{}", made["id"].as_str().unwrap());
    let events = events_of(&rig.get(&format!("{path}/logs?tail=10")).send().await.expect(200).text());
    let text: String = events.iter().filter_map(|event| event.data["data"].as_str()).collect();
    assert_eq!((text.as_str(), events.last().unwrap().kind.as_str()), ("hello log\n", "end"));
    let problem = rig.get(&format!("{path}/logs?tail=-1")).send().await.problem(422, "invalid");
    assert_eq!(problem["field"], "tail");
}
