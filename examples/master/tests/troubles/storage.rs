//! Object storage that is not there, or not for us.

use serde_json::{Value, json};

use crate::cable::Cable;
use crate::rig::{Rig, failed_with, s3_endpoint};

fn with_data(rig: &Rig) -> (String, String) {
    let project = rig.empty_project("kept");
    let id = rig.running("kept", &project);
    rig.shell(&id, "echo data > file");
    (project, id)
}

fn snapshot(rig: &Rig, project: &str) -> Value {
    rig.post(&format!("/projects/{project}/snapshots?wait=90"), &json!({})).ok()
}

#[test]
fn storage_that_cannot_be_used_fails_the_snapshot_and_holds_no_stop_up() {
    for (variable, value, code) in [
        ("S3_ENDPOINT", "http://10.255.255.1:1", "storage_unreachable"),
        ("S3_BUCKET", "there-is-no-such-bucket", "storage_refused"),
        ("S3_SECRET_ACCESS_KEY", "canary-of-a-wrong-key", "storage_refused"),
    ] {
        let rig = Rig::with(&[(variable, value)]);
        let (project, id) = with_data(&rig);
        let row = snapshot(&rig, &project);
        assert_eq!(row["status"], "failed", "{variable}: {row}");
        failed_with(&row, code);
        assert!(!row.to_string().contains("canary"), "{row}");
        let policy = rig.call("PUT", &format!("/projects/{project}/backup-policy"), &json!({ "on_stop": true })).ok();
        assert_eq!(policy["on_stop"], true);
        let row = rig.post(&format!("/workspaces/{id}/stop?wait=120"), &Value::Null).ok();
        assert_eq!(row["status"], "stopped", "{variable}: {row}");
        let status = rig.get(&format!("/workspaces/{id}/status"));
        failed_with(&status["sync"]["stop_snapshot"], code);
        rig.post(&format!("/workspaces/{id}/start?wait=60"), &Value::Null).ok();
        assert_eq!(rig.shell(&id, "cat file"), "data\n", "nothing is lost");
    }
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let rig = Rig::new();
    let (project, id) = with_data(&rig);
    rig.shell(&id, "echo secret > closed; chmod 0 closed");
    let row = snapshot(&rig, &project);
    assert_eq!((&row["status"], &row["unreadable"]), (&json!("incomplete"), &json!(1)), "{row}");
    assert_eq!(row["unreadable_files"], json!(["closed"]), "{row}");
    let job = rig.get(&format!("/jobs/{}", row["job"].as_str().unwrap()));
    assert_eq!(job["steps"][0]["report"]["skipped"][0], json!({ "path": "closed", "reason": "unreadable" }), "{job}");
    // It is not the newest one that a restore takes without being told so.
    let wish = json!({ "mode": "merge" });
    rig.post(&format!("/projects/{project}/restore"), &wish).problem(404, "not_found");
    let wish = json!({ "snapshot": row["id"], "mode": "merge", "dry_run": true });
    assert_eq!(rig.post(&format!("/projects/{project}/restore?wait=60"), &wish).ok()["status"], "done");
}

/// More than is under way at once, so that a cut is in the middle.
const LARGE: &str = "head -c 40000000 /dev/urandom > large; sha256sum large > sum";

#[test]
fn storage_that_is_lost_in_the_middle_loses_nothing() {
    let cable = Cable::to(&s3_endpoint());
    let rig = Rig::with(&[("S3_ENDPOINT", &cable.endpoint())]);
    let (project, id) = with_data(&rig);
    let first = snapshot(&rig, &project);
    assert_eq!(first["status"], "ready", "{first}");
    rig.shell(&id, LARGE);

    cable.break_after(15_000_000);
    let cut = snapshot(&rig, &project);
    assert!(cable.is_broken(), "it was cut in the middle");
    assert_eq!(cut["status"], "failed", "{cut}");
    failed_with(&cut, "storage_unreachable");
    cable.mend();
    let verified = rig.post(&format!("/snapshots/{}/verify?wait=60", first["id"].as_str().unwrap()), &Value::Null).ok();
    assert_eq!(verified["status"], "done", "the one before is whole: {verified}");
    let second = snapshot(&rig, &project);
    assert_eq!(second["status"], "ready", "{second}");

    rig.shell(&id, "echo newer > file");
    rig.post(&format!("/workspaces/{id}/stop?wait=60"), &Value::Null).ok();
    cable.break_after(15_000_000);
    let wish = json!({ "snapshot": second["id"] });
    let lost = rig.post(&format!("/projects/{project}/restore?wait=90"), &wish).ok();
    assert!(cable.is_broken(), "it was cut in the middle");
    assert_eq!(lost["status"], "failed", "{lost}");
    failed_with(&lost, "storage_unreachable");
    rig.post(&format!("/workspaces/{id}/start?wait=60"), &Value::Null).ok();
    assert_eq!(rig.shell(&id, "cat file; sha256sum -c sum"), "newer\nlarge: OK\n", "it is what it was before");

    cable.mend();
    rig.post(&format!("/workspaces/{id}/stop?wait=60"), &Value::Null).ok();
    let done = rig.post(&format!("/projects/{project}/restore?wait=90"), &wish).ok();
    assert_eq!(done["status"], "done", "{done}");
    rig.post(&format!("/workspaces/{id}/start?wait=60"), &Value::Null).ok();
    assert_eq!(rig.shell(&id, "cat file; sha256sum -c sum"), "data\nlarge: OK\n");
}
