//! Object storage that is not there, not for us, or another one.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::cable::Cable;
use crate::parts::{docker, real_part};
use crate::rig::{Rig, eventually, failed_with, s3_endpoint};

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

/// `rclone serve s3`, ended with the test.
struct Rclone(Child);

impl Rclone {
    /// Where servers reach it, behind https with the fleet's own authority, with a bucket `bucket` in a folder.
    fn serve(folder: &Path) -> (Self, String) {
        std::fs::create_dir_all(folder.join("bucket")).unwrap();
        let storage = s3_endpoint();
        let host = storage.strip_prefix("http://").unwrap().split(':').next().unwrap().to_owned();
        let address = TcpListener::bind((host, 0)).unwrap().local_addr().unwrap();
        let certificates = PathBuf::from(real_part("WORKSPACE_TEST_CERTS"));
        let mut command = Command::new(real_part("WORKSPACE_TEST_RCLONE"));
        command.args(["serve", "s3", "--addr", &address.to_string(), "--auth-key", "test-id,test-key"]).arg(folder);
        // The certificate of the git server, which is at the same address.
        command.arg("--cert").arg(certificates.join("git.pem")).arg("--key").arg(certificates.join("git-key.pem"));
        let child = command.env("RCLONE_CONFIG", folder.join("none.conf")).stderr(Stdio::null()).spawn().unwrap();
        let served = Self(child);
        eventually("rclone listens", || TcpStream::connect(address).ok());
        (served, format!("https://{address}"))
    }
}

impl Drop for Rclone {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn another_kind_of_storage_behind_https_does_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (_served, endpoint) = Rclone::serve(folder.path());
    let authority = format!("{}/ca.pem", real_part("WORKSPACE_TEST_CERTS"));
    let rig = Rig::with(&[
        ("S3_ENDPOINT", &endpoint),
        ("S3_CA_FILE", &authority),
        ("S3_BUCKET", "bucket"),
        ("S3_ACCESS_KEY_ID", "test-id"),
        ("S3_SECRET_ACCESS_KEY", "test-key"),
        ("S3_PREFIX", "some/prefix"),
    ]);
    let (project, id) = with_data(&rig);
    rig.shell(&id, LARGE);
    let taken = snapshot(&rig, &project);
    assert_eq!((&taken["status"], &taken["verified"]), (&json!("ready"), &json!(true)), "{taken}");
    assert!(folder.path().join("bucket/some/prefix").join(&project).join("packs").is_dir(), "it is there");
    rig.shell(&id, "echo newer > file; rm large");
    rig.post(&format!("/workspaces/{id}/stop?wait=60"), &Value::Null).ok();
    let done = rig.post(&format!("/projects/{project}/restore?wait=90"), &json!({ "snapshot": taken["id"] })).ok();
    assert_eq!(done["status"], "done", "{done}");
    rig.post(&format!("/workspaces/{id}/start?wait=60"), &Value::Null).ok();
    assert_eq!(rig.shell(&id, "cat file; sha256sum -c sum"), "data\nlarge: OK\n");
    let gone = rig.call("DELETE", &format!("/snapshots/{}", taken["id"].as_str().unwrap()), &Value::Null);
    assert!((200..300).contains(&gone.0), "{gone:?}");
}

#[test]
fn the_next_snapshot_asks_for_what_changed_and_its_cache_goes_with_the_copy() {
    let rig = Rig::new();
    let project = rig.empty_project("cached");
    let id = rig.running("cached", &project);
    rig.shell(&id, "mkdir many; cd many; for n in $(seq 2000); do echo $n > $n; done");
    let volumes = || docker(&["volume", "ls", "--quiet", "--filter", &format!("name=cache-{project}")]);
    let taken = || {
        let row = snapshot(&rig, &project);
        assert_eq!(row["status"], "ready", "{row}");
        row
    };
    taken();
    assert_eq!(volumes(), [format!("cache-{project}-g1")]);

    // An agent is never near it: what it could write there the next snapshot would believe.
    let line = "ls -d /.fleet-cache && exit 9; echo changed > many/7";
    let started = rig.execute(&project, line, &json!({ "on_success": { "snapshot": true } })).ok();
    let ended = rig.finished(&started);
    assert_eq!((&ended["status"], &ended["exit_code"]), (&json!("succeeded"), &json!(0)), "{ended}");
    let events = rig.events(started["session"].as_str().unwrap());
    let report = &events.iter().find(|event| event["kind"] == "snapshot.done").unwrap()["data"]["report"];
    assert!(report["requests"].as_u64().is_some_and(|requests| requests <= 3), "{report}");
    assert!(report["bytes_uploaded"].as_u64().is_some_and(|bytes| bytes <= 64 << 10), "{report}");

    let last = taken();
    rig.shell(&id, "rm -r many");
    rig.post(&format!("/workspaces/{id}/stop?wait=60"), &Value::Null).ok();
    let done = rig.post(&format!("/projects/{project}/restore?wait=90"), &json!({ "snapshot": last["id"] })).ok();
    assert_eq!(done["status"], "done", "{done}");
    rig.post(&format!("/workspaces/{id}/start?wait=60"), &Value::Null).ok();
    assert_eq!(rig.shell(&id, "cat many/7 many/8"), "changed\n8\n");
    eventually("the cache went with the copy that was replaced", || volumes().is_empty().then_some(()));

    taken();
    assert_eq!(volumes(), [format!("cache-{project}-g2")]);
    rig.call("DELETE", &format!("/workspaces/{id}?wait=60"), &Value::Null).ok();
    rig.call("DELETE", &format!("/projects/{project}"), &Value::Null).ok();
    eventually("and with the project", || volumes().is_empty().then_some(()));
}
