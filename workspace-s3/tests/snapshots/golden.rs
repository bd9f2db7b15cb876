//! The format does not change unnoticed: the same tree makes the same bytes, and the bytes of then can be read now.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use workspace_core::clock::{Clock, Timestamp};
use workspace_core::id::ProjectId;
use workspace_s3::{RestoreOptions, SnapshotOptions, SnapshotSync};

use crate::look::assert_same;
use crate::places::{directory, objects};
use crate::plant;

const PROJECT: &str = "0193f1a0-0000-7000-8000-000000000001";
const FIRST: &str = "0193f1a0-0000-7000-8000-00000000000a";
const SECOND: &str = "0193f1a0-0000-7000-8000-00000000000b";

/// Stands still.
#[derive(Debug)]
struct Then;

impl Clock for Then {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_735_689_600_000_000)
    }
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Everything that the format knows, with times that do not depend on now. Small enough for one thread to read it.
fn grow(tree: &Path) {
    plant::write(&tree.join("a/empty"), "");
    plant::write(&tree.join("a/small"), "small");
    plant::write(&plant::odd(tree, b"not \xff UTF-8"), "odd");
    plant::write(&tree.join("run"), "#!/bin/sh\n");
    plant::mode(&tree.join("run"), 0o755);
    fs::hard_link(tree.join("run"), tree.join("a/same")).unwrap();
    symlink("a/small", tree.join("link")).unwrap();
    let sparse = fs::File::create(tree.join("sparse")).unwrap();
    sparse.set_len(300_000).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"in the middle", 150_000).unwrap();
    let lines = (0..160_000_u32).fold(String::new(), |text, line| text + &(line % 5_000).to_string() + "\n");
    plant::write(&tree.join("z/large"), lines);
}

fn still(tree: &Path) {
    let mut all: Vec<_> = crate::look::look(tree).into_keys().collect();
    all.reverse();
    let odd = plant::odd(tree, b"not \xff UTF-8");
    for (number, name) in all.iter().enumerate() {
        let path = if name.contains("xff") { odd.clone() } else { tree.join(name) };
        plant::time(&path, 1_700_000_000 + i64::try_from(name.len()).unwrap(), u32::try_from(number % 2).unwrap() * 5);
        if path.is_dir() && !path.is_symlink() {
            plant::mode(&path, 0o755);
        } else if name != "run" && name != "a/same" && !path.is_symlink() {
            plant::mode(&path, 0o644);
        }
    }
    // Both names are one file: the time of the later call counts.
    plant::time(&tree.join("run"), 1_700_000_000, 5);
}

fn read(storage: &Path) -> BTreeMap<String, Vec<u8>> {
    let project: ProjectId = PROJECT.parse().unwrap();
    let all = objects(storage, project).into_iter();
    all.map(|path| {
        let name = path.strip_prefix(storage).unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    })
    .collect()
}

async fn make(tree: &Path, storage: &Path) {
    grow(tree);
    still(tree);
    let sync = SnapshotSync::new(&directory(storage), PROJECT.parse().unwrap()).clock(Arc::new(Then));
    let options = |id: &str, data_generation, message: &str| SnapshotOptions {
        id: Some(id.parse().unwrap()),
        data_generation,
        message: message.to_owned(),
        ..SnapshotOptions::default()
    };
    sync.snapshot(tree, &options(FIRST, 1, "first")).await.unwrap();
    plant::write(&tree.join("a/small"), "changed");
    still(tree);
    sync.snapshot(tree, &options(SECOND, 2, "second, ümlaut")).await.unwrap();
}

/// After a wanted change of the format: `WORKSPACE_GOLDEN=write cargo nextest run -p workspace-s3 golden`.
#[tokio::test]
async fn the_same_tree_makes_the_same_bytes() {
    let place = tempfile::tempdir().unwrap();
    let (tree, storage) = (place.path().join("tree"), place.path().join("storage"));
    make(&tree, &storage).await;
    let made = read(&storage);
    if std::env::var_os("WORKSPACE_GOLDEN").is_some() {
        fs::remove_dir_all(golden()).unwrap();
        for (name, bytes) in &made {
            plant::write(&golden().join(name), bytes);
        }
    }
    let kept = read(&golden());
    assert_eq!(made.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>());
    assert!(made == kept, "an object has other bytes than in tests/golden");
}

#[tokio::test]
async fn the_bytes_of_then_are_read_now() {
    let place = tempfile::tempdir().unwrap();
    let (tree, target) = (place.path().join("tree"), place.path().join("target"));
    make(&tree, &place.path().join("storage")).await;
    let sync = SnapshotSync::new(&directory(&golden()), PROJECT.parse().unwrap());
    sync.verify(None).await.unwrap();
    sync.restore(&target, &RestoreOptions::default()).await.unwrap();
    assert_same(&tree, &target);
    let first = format!("{:020}-{FIRST}", 1);
    let options = RestoreOptions { version: Some(first), ..RestoreOptions::default() };
    let earlier = place.path().join("earlier");
    sync.restore(&earlier, &options).await.unwrap();
    assert_eq!(fs::read(earlier.join("a/small")).unwrap(), b"small");
}
