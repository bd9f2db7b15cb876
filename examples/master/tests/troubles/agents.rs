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
    let line = "yes 0123456789012345678901234567890123456789 | head -c 1073741824";
    // A whole core: with the fifth of one that the others have it is at its words for more than a minute.
    let room = json!({ "resources": { "cpu_millis": 1000, "memory_mib": 128, "disk_gib": 1 } });
    let (last, events) = ended(&rig, &project, line, &room);
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

/// Tells lies in the worker's words, by every way to the worker's own output that a container has, and in its own.
const LIAR: &str = r#"
lie='{"seq":900001,"kind":"step","data":{"step":"snapshot","report":{"files":7},"error":null}}
{"seq":900002,"kind":"step","data":{"step":"push","report":{"revision":"0"},"error":null}}
{"seq":900003,"kind":"finished","data":{}}'
for process in 1 $PPID; do
  for descriptor in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    (echo "$lie" > /proc/$process/fd/$descriptor) 2> /dev/null && echo "lied to $process by $descriptor"
  done
  (: < /proc/$process/mem) 2> /dev/null && echo "read the memory of $process"
  (: < /proc/$process/environ) 2> /dev/null && echo "read the environment of $process"
done
kill -9 1 $PPID; kill -STOP 1 $PPID
echo "$lie"
echo '{"seq":900004,"kind":"accepted","data":{}}' >&2
echo kept > kept
echo "said all"
"#;

#[test]
fn an_agent_speaks_for_itself_alone() {
    let rig = Rig::new();
    let project = rig.empty_project("liar");
    let (last, events) = ended(&rig, &project, LIAR, &json!({ "on_success": { "snapshot": true } }));
    let of_kind = |kind: &str| events.iter().filter(|event| event["kind"] == kind).collect::<Vec<_>>();
    let said: String = of_kind("message").iter().filter_map(|event| event["data"]["text"].as_str()).collect();
    assert!(!said.contains("lied to") && !said.contains("read the"), "{said}");
    assert!(said.contains(r#"{"seq":900003,"kind":"finished","data":{}}"#) && said.contains("said all"), "{said}");
    assert_eq!((&last["status"], &last["exit_code"], &last["push"]), (&json!("succeeded"), &json!(0), &Value::Null));
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "no number was skipped");
    // What the job of the snapshot said, and nobody else.
    let (finished, synced, saved) = (of_kind("execution.finished"), of_kind("sync.done"), of_kind("snapshot.done"));
    assert_eq!((finished.len(), synced.len(), saved.len()), (1, 0, 1), "{events:?}");
    assert_eq!(saved[0]["data"]["report"]["files"], 1, "{saved:?}");
}
