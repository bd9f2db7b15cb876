//! The stand-alone script restores what we wrote.

use std::fs;
use std::path::Path;
use std::process::Command;

use workspace_s3::{SnapshotOptions, SnapshotSync};

use crate::look::assert_same;
use crate::places::{directory, project};
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
