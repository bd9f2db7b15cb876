//! Agents that do not do what they should.

use serde_json::{Value, json};

use crate::rig::{Rig, eventually};

/// How an execution of a line of shell ended, and its events.
fn ended(rig: &Rig, project: &str, line: &str, more: &Value) -> (Value, Vec<Value>) {
    let started = rig.execute(project, line, more).ok();
    let last = rig.finished(&started);
    (last, rig.events(started["session"].as_str().unwrap()))
}

#[track_caller]
fn told(last: &Value, status: &str, code: &str) {
    assert_eq!((last["status"].as_str(), last["error"]["code"].as_str()), (Some(status), Some(code)), "{last}");
    assert!(last["error"]["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "no hint: {last}");
}

#[test]
fn every_end_of_an_agent_is_told() {
    let rig = Rig::new();
    let project = rig.empty_project("agents");
    let (last, _) = ended(&rig, &project, "echo kept > kept; exit 3", &json!({ "on_success": { "snapshot": true } }));
    told(&last, "failed", "agent_failed");
    assert_eq!((&last["exit_code"], &last["snapshot"]), (&json!(3), &Value::Null), "{last}");

    let agent = |image: &str, argv: &[&str], timeout: &str| json!({ "agent": { "kind": "command", "image": image, "argv": argv, "timeout": timeout } });
    let (last, _) = ended(&rig, &project, "", &agent("workspace-base:no-such-tag", &["true"], "1m"));
    told(&last, "failed", "image_not_found");
    let (last, _) = ended(&rig, &project, "", &agent("workspace-base", &["/no/such/program"], "1m"));
    told(&last, "failed", "program_not_found");
    let (last, _) = ended(&rig, &project, "", &agent("workspace-base", &["sleep", "600"], "2s"));
    told(&last, "failed", "time_limit");

    let (last, events) = ended(&rig, &project, "head -c 100000 /dev/urandom; cat kept", &json!({}));
    assert_eq!(last["status"], "succeeded", "garbage is no failure, and what was done before is kept: {last}");
    assert!(events.iter().any(|event| event["kind"] == "message"));
    let reserved = rig.get("/admin/servers")["items"][0]["reserved"].clone();
    assert_eq!((&reserved["cpu_millis"], &reserved["slots"]), (&json!(0), &json!(0)), "{reserved}");
}

#[test]
fn a_gigabyte_of_words_is_bounded() {
    let rig = Rig::new();
    let project = rig.empty_project("loud");
    let (last, events) =
        ended(&rig, &project, "yes 0123456789012345678901234567890123456789 | head -c 1073741824", &json!({}));
    assert_eq!(last["status"], "succeeded", "{last}");
    let kept: usize = events.iter().map(|event| event["data"]["text"].as_str().map_or(0, str::len)).sum();
    assert!(kept <= 24 << 20, "{kept} bytes are kept");
    let cuts = events.iter().filter(|event| event["kind"] == "output.truncated").count();
    assert_eq!(cuts, 1, "and it is said once that there was more");
}

#[test]
fn a_cancelled_agent_ends_with_all_its_children() {
    let rig = Rig::new();
    let project = rig.empty_project("cancelled");
    let line = "echo begun; (setsid sh -c 'while :; do date +%s > alive; sleep 1; done' &) ; sleep 600";
    let started = rig.execute(&project, line, &json!({})).ok();
    let session = started["session"].as_str().unwrap();
    let begun = |event: &Value| event["data"]["text"].as_str().is_some_and(|text| text.contains("begun"));
    eventually("the agent begins", || rig.events(session).into_iter().find(begun));
    rig.post(&format!("/sessions/{session}/cancel"), &Value::Null).ok();
    assert_eq!(rig.finished(&started)["status"], "cancelled");
    let (last, events) =
        ended(&rig, &project, "a=$(cat alive); sleep 3; test $a = $(cat alive) && echo gone", &json!({}));
    assert_eq!(last["status"], "succeeded", "a child goes on: {last} {events:?}");
}
