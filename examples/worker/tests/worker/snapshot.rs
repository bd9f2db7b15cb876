//! Snapshots and restores as jobs, in a directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use workspace_fleet::environment::Environment;
use workspace_fleet::job::{JobStep, SnapshotPlace};
use workspace_fleet::model::SnapshotProfile;
use workspace_fleet::secret::Secret;

use crate::job::run;

fn place() -> SnapshotPlace {
    let id = || Environment::system().uuid();
    serde_json::from_value(json!({"project": id(), "data_generation": 1, "id": id()})).unwrap()
}

fn snapshot(storage: &Path, place: SnapshotPlace) -> JobStep {
    let storage = Secret::new(json!({ "directory": storage }).to_string());
    JobStep::Snapshot { storage, place, profile: SnapshotProfile::Full, message: "before".to_owned() }
}

fn restore(storage: &Path, place: SnapshotPlace, merge: bool, dry_run: bool) -> JobStep {
    JobStep::Restore { storage: Secret::new(json!({ "directory": storage }).to_string()), place, merge, dry_run }
}

/// `worker job` runs as who runs the tests: the caches of its tests are in the same place and may not matter.
#[tokio::test]
async fn a_tree_is_written_and_comes_back() {
    let (tree, other, storage) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(tree.path().join("src")).unwrap();
    fs::write(tree.path().join("src/main.rs"), "fn main() {}\n").unwrap();
    fs::write(tree.path().join("a"), "a").unwrap();
    symlink("src/main.rs", tree.path().join("link")).unwrap();
    let place = place();
    let done = run(tree.path(), vec![snapshot(storage.path(), place)]).await.done();
    let report = &done[0];
    assert_eq!((report["version"].as_str(), report["files"].as_u64()), (Some(place.version().as_str()), Some(3)));
    assert_eq!((&report["verified"], &report["skipped"]), (&json!("content"), &json!([])));
    assert!(report["bytes_uploaded"].is_u64() && report["requests"].is_u64(), "a directory has no traffic");

    fs::write(other.path().join("left"), "by an earlier attempt").unwrap();
    fs::write(other.path().join("a"), "another").unwrap();
    let asked = vec![restore(storage.path(), place, false, true)];
    let done = run(other.path(), asked).await.done();
    let changes = json!([
        {"path": "a", "kind": "replaced"}, {"path": "link", "kind": "created"}, {"path": "src/main.rs", "kind": "created"},
    ]);
    assert_eq!((&done[0]["changes"], &done[0]["changes_more"]), (&changes, &json!(0)));
    assert_eq!(fs::read_to_string(other.path().join("a")).unwrap(), "another", "a dry run writes nothing");

    let done = run(other.path(), vec![restore(storage.path(), place, true, false)]).await.done();
    assert_eq!(done[0]["files_changed"], 3);
    assert!(other.path().join("left").exists(), "a merge keeps what is there");
    fs::write(other.path().join("a"), "changed").unwrap();

    let done = run(other.path(), vec![restore(storage.path(), place, false, false)]).await.done();
    assert_eq!(done[0]["files"], 3);
    assert!(!other.path().join("left").exists(), "what an earlier attempt left is gone");
    assert_eq!(fs::read_to_string(other.path().join("a")).unwrap(), "a");
    assert_eq!(fs::read_to_string(other.path().join("link")).unwrap(), "fn main() {}\n");
}

#[tokio::test]
async fn what_cannot_be_restored_is_told() {
    let (tree, storage) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let none = run(tree.path(), vec![restore(storage.path(), place(), false, false)]).await;
    assert_eq!(none.codes(), ["not_found"]);
    let setting = Secret::new("{\"s3\":{\"secret_access_key\":\"canary-1\"}}");
    let step = JobStep::Restore { storage: setting, place: place(), merge: true, dry_run: false };
    let wrong = run(tree.path(), vec![step]).await;
    assert_eq!(wrong.codes(), ["invalid"]);
    let text = serde_json::to_string(&wrong.events).unwrap() + &wrong.stderr;
    assert!(!text.contains("canary"), "{text}");
    let closed = json!({"s3": {"endpoint": "http://127.0.0.1:1", "bucket": "b", "region": "r",
        "access_key_id": "a", "secret_access_key": "canary-12"}});
    let step =
        JobStep::Restore { storage: Secret::new(closed.to_string()), place: place(), merge: true, dry_run: false };
    let unreachable = run(tree.path(), vec![step]).await;
    assert_eq!(unreachable.codes(), ["storage_unreachable"]);
    assert_eq!(unreachable.reports()[0].report, Value::Null);
}
