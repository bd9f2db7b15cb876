//! The stand-alone script restores what we wrote.

use std::fs;
use std::path::Path;
use std::process::Command;

use workspace_s3::{SnapshotOptions, SnapshotSync, Storage};

use crate::look::assert_same;
use crate::places::{directory, project, s3_settings};
use crate::plant;

/// A Python with zstandard and blake3, as `fleet/snapshot-tools` makes it.
const PYTHON: &str = "WORKSPACE_TEST_PYTHON names no Python with the packages zstandard and blake3: \
    `fleet/snapshot-tools` makes one, and `make test` uses it";

fn script(objects: &Path, target: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("WORKSPACE_TEST_PYTHON").expect(PYTHON));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/restore.py")).arg(objects).arg(target);
    command
}

#[tokio::test]
async fn the_script_restores_the_same() {
    let place = tempfile::tempdir().unwrap();
    let (tree, storage, target) =
        (place.path().join("tree"), place.path().join("storage"), place.path().join("target"));
    plant::everything(&tree);
    let project = project();
    let sync = SnapshotSync::new(&directory(&storage), project);
    let first = sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    let was = place.path().join("was");
    sync.restore(&was, &workspace_s3::RestoreOptions::default()).await.unwrap();
    for file in 0..1_000 {
        plant::write(&tree.join(format!("more/{file}")), plant::noise(file, 1_000));
    }
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    let objects = storage.join(project.to_string());
    assert!(script(&objects, &target).status().unwrap().success());
    assert_same(&tree, &target);
    let earlier = place.path().join("earlier");
    assert!(script(&objects, &earlier).arg(&first.version).status().unwrap().success());
    assert_same(&was, &earlier);
    for pack in fs::read_dir(objects.join("packs")).unwrap() {
        let pack = pack.unwrap().path();
        let mut bytes = fs::read(&pack).unwrap();
        bytes[100] ^= 1;
        fs::write(&pack, bytes).unwrap();
    }
    assert!(!script(&objects, &place.path().join("bad")).output().unwrap().status.success());
}

/// As `docs/snapshot-format.md` says it: rclone fetches the objects, whoever knows the keys.
#[tokio::test]
async fn the_objects_come_with_rclone() {
    let place = tempfile::tempdir().unwrap();
    let (tree, objects, target) =
        (place.path().join("tree"), place.path().join("objects"), place.path().join("target"));
    plant::everything(&tree);
    let (settings, project) = (s3_settings(), project());
    let sync = SnapshotSync::new(&Storage::s3(&settings).unwrap(), project);
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    let mut rclone = Command::new(std::env::var_os("WORKSPACE_TEST_RCLONE").expect("rclone, as for the other tests"));
    rclone.arg("copy").arg(format!("s:{}/{}/{project}", settings.bucket, settings.prefix)).arg(&objects);
    for (name, value) in [
        ("CONFIG", "/dev/null"),
        ("CONFIG_S_TYPE", "s3"),
        ("CONFIG_S_PROVIDER", "Other"),
        ("CONFIG_S_ENDPOINT", &settings.endpoint),
        ("CONFIG_S_REGION", &settings.region),
        ("CONFIG_S_ACCESS_KEY_ID", &settings.access_key_id),
        ("CONFIG_S_SECRET_ACCESS_KEY", settings.secret_access_key.reveal()),
    ] {
        rclone.env(format!("RCLONE_{name}"), value);
    }
    let copied = rclone.output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    assert!(script(&objects, &target).status().unwrap().success());
    assert_same(&tree, &target);
}
