//! Programs in workspaces.

use serde_json::json;

use crate::rig::Rig;
use crate::streams::events_of;

#[tokio::test(start_paused = true)]
async fn a_program_runs() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    let exec = format!("{path}/exec");
    let body = json!({"argv": ["echo", "hi"], "cwd": "/workspace", "env": {}, "stdin": null, "timeout": "30s"});
    let answer = rig.post(&exec).json(&body).send().await.expect(200).json();
    assert_eq!((&answer["exit_code"], &answer["stdout"], &answer["stderr"]), (&json!(0), &json!("hi\n"), &json!("")));
    assert_eq!((&answer["truncated"], answer["duration_ms"].is_u64()), (&json!(false), true));
    assert_eq!(rig.post(&exec).json(&json!({"argv": ["false"]})).send().await.expect(200).json()["exit_code"], 1);
    let cat = json!({"argv": ["cat"], "stdin": "in and out", "timeout": 5});
    assert_eq!(rig.post(&exec).json(&cat).send().await.expect(200).json()["stdout"], "in and out");
    let cut = json!({"argv": ["echo", "0123456789"], "output_limit": 4});
    let cut = rig.post(&exec).json(&cut).send().await.expect(200).json();
    assert_eq!((&cut["stdout"], &cut["truncated"]), (&json!("0123"), &json!(true)));
}

#[tokio::test(start_paused = true)]
async fn what_can_go_wrong_has_its_code() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    let exec = format!("{path}/exec");
    let missing = rig.post(&exec).json(&json!({"argv": ["no-such-program"]})).send().await;
    missing.problem(422, "program_not_found");
    let slow = json!({"argv": ["sleep", "60"], "timeout": "500ms"});
    let problem = rig.post(&exec).json(&slow).send().await.problem(408, "time_limit");
    assert_eq!(
        (&problem["stdout"], &problem["stderr"], &problem["truncated"]),
        (&json!(""), &json!(""), &json!(false))
    );
    assert!(problem["hint"].is_string());
    for (body, field) in [
        (json!({"argv": []}), "argv"),
        (json!({"argv": [""]}), "argv"),
        (json!({"argv": "echo"}), "argv"),
        (json!({"argv": ["true"], "cwd": "../etc"}), "cwd"),
        (json!({"argv": ["true"], "timeout": 0}), "timeout"),
        (json!({"argv": ["true"], "timeout": "25h"}), "timeout"),
        (json!({"argv": ["true"], "output_limit": 1_u64 << 40}), "output_limit"),
        (json!({"argv": ["true"], "env": {"A=": "b"}}), "env"),
        (json!({}), "argv"),
    ] {
        let problem = rig.post(&exec).json(&body).send().await.problem(422, "invalid");
        assert_eq!(problem["field"], field, "{body}");
    }
    let unknown = json!({"argv": ["true"], "tty": true});
    assert_eq!(rig.post(&exec).json(&unknown).send().await.problem(422, "unknown_field")["field"], "tty");
    rig.post(&format!("{path}/stop?wait=60")).send().await.expect(200);
    let stopped = rig.post(&exec).json(&json!({"argv": ["true"]})).send().await.problem(409, "not_running");
    assert_eq!(stopped["hint"], "start it first");
}

#[tokio::test(start_paused = true)]
async fn a_shell_line_runs() {
    let rig = Rig::new().await;
    let run = format!("{}/run", rig.workspace("hello").await);
    let line = json!({"line": "echo $A; echo no >&2; false", "env": {"A": "hi"}});
    let answer = rig.post(&run).json(&line).send().await.expect(200).json();
    assert_eq!(
        (&answer["exit_code"], &answer["stdout"], &answer["stderr"]),
        (&json!(1), &json!("hi\n"), &json!("no\n"))
    );
    let answer = rig.post(&run).json(&json!({"command": "echo hi"})).send().await.expect(200).json();
    assert_eq!(answer["stdout"], "hi\n");
    assert_eq!(rig.post(&run).json(&json!({"line": " "})).send().await.problem(422, "invalid")["field"], "line");
    assert_eq!(rig.post(&run).json(&json!({})).send().await.problem(422, "invalid")["field"], "line");
}

#[tokio::test(start_paused = true)]
async fn output_is_streamed() {
    let rig = Rig::new().await;
    let exec = format!("{}/exec", rig.workspace("hello").await);
    let stream = |body: serde_json::Value| rig.post(&exec).header("accept", "text/event-stream").json(&body);
    let answer = stream(json!({"argv": ["echo", "hi"]})).send().await.expect(200);
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let events = events_of(&answer.text());
    assert_eq!((events[0].kind.as_str(), &events[0].data), ("stdout", &json!({"data": "hi\n"})));
    assert_eq!((events[1].kind.as_str(), &events[1].data["exit_code"]), ("exit", &json!(0)));
    let events = events_of(&stream(json!({"argv": ["sleep", "60"], "timeout": 1})).send().await.expect(200).text());
    assert_eq!((events[0].kind.as_str(), &events[0].data["time_limit"]), ("exit", &json!(true)));
    stream(json!({"argv": ["no-such-program"]})).send().await.problem(422, "program_not_found");
}
