//! What goes into a snapshot comes out of it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::look::assert_same;
use crate::places::{directory, s3, sync};
use crate::plant;
use proptest::prelude::*;
use workspace_core::error::ErrorKind;
use workspace_s3::{RestoreOptions, SkipReason, SnapshotOptions, Storage};

async fn there_and_back(storage: &Storage, tree: &Path) {
    let (sync, target) = (sync(storage), tempfile::tempdir().unwrap());
    let made = sync.snapshot(tree, &SnapshotOptions::default()).await.unwrap();
    assert!(made.new && made.skipped.is_empty(), "{made:?}");
    let target = target.path().join("new");
    let restored = sync.restore(&target, &RestoreOptions::default()).await.unwrap();
    assert_eq!((restored.version, restored.files, restored.bytes), (made.version, made.files, made.bytes));
    assert_same(tree, &target);
    sync.verify(None).await.unwrap();
}

#[tokio::test]
async fn everything_comes_back_from_a_directory() {
    let (tree, storage) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    plant::everything(tree.path());
    there_and_back(&directory(storage.path()), tree.path()).await;
}

#[tokio::test]
async fn everything_comes_back_from_s3() {
    let tree = tempfile::tempdir().unwrap();
    plant::everything(tree.path());
    there_and_back(&s3(), tree.path()).await;
}

#[tokio::test]
async fn an_empty_tree_comes_back() {
    let (tree, storage) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    there_and_back(&directory(storage.path()), tree.path()).await;
}

#[tokio::test]
async fn holes_stay_holes() {
    let (tree, storage) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    plant::everything(tree.path());
    let (sync, target) = (sync(&directory(storage.path())), tree.path().join("target"));
    let made = sync.snapshot(tree.path(), &SnapshotOptions::default()).await.unwrap();
    sync.restore(&target, &RestoreOptions { version: Some(made.version), ..RestoreOptions::default() }).await.unwrap();
    for name in ["sparse", "hole"] {
        let blocks = fs::metadata(target.join(name)).unwrap().blocks();
        assert!(blocks * 512 < 1 << 20, "{name} takes {blocks} blocks");
    }
}

#[tokio::test]
async fn what_is_no_data_is_left_and_named() {
    let (tree, storage, target) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    plant::write(&tree.path().join("setuid"), "x");
    fs::set_permissions(tree.path().join("setuid"), fs::Permissions::from_mode(0o6755)).unwrap();
    let _socket = UnixListener::bind(tree.path().join("socket")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, tree.path().join("fifo"), 0o600.into()).unwrap();
    let sync = sync(&directory(storage.path()));
    let made = sync.snapshot(tree.path(), &SnapshotOptions::default()).await.unwrap();
    let skipped: Vec<_> = made.skipped.iter().map(|skipped| (skipped.path.as_str(), skipped.reason)).collect();
    assert_eq!(skipped, [("fifo", SkipReason::SpecialFile), ("socket", SkipReason::SpecialFile)]);
    sync.restore(target.path(), &RestoreOptions::default()).await.unwrap();
    assert_eq!(fs::metadata(target.path().join("setuid")).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_link_in_place_of_the_tree_is_not_followed() {
    let (tree, storage) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink("/etc", tree.path().join("link")).unwrap();
    let sync = sync(&directory(storage.path()));
    let error = sync.snapshot(&tree.path().join("link"), &SnapshotOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

/// A step in making a random tree.
#[derive(Clone, Debug)]
struct Step {
    folder: Vec<u8>,
    name: Vec<u8>,
    kind: u8,
    size: usize,
    seed: u64,
    mode: u32,
    time: (i64, u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = prop::collection::vec(any::<u8>().prop_filter("no part", |b| !matches!(b, 0 | b'/')), 1..12)
        .prop_filter("no name", |name| !matches!(name.as_slice(), b"." | b".."));
    let size = prop_oneof![12 => 0_usize..2_000, 1 => 900_000_usize..1_200_000, 1 => 2_000_000_usize..5_000_000];
    let step = ("[abc]{0,3}", name, 0_u8..8, size, 0_u64..4, 0_u32..0o1000, (any::<i32>(), 0_u32..1_000_000_000));
    let step = step.prop_map(|(folder, name, kind, size, seed, mode, time)| Step {
        folder: folder.into_bytes(),
        name,
        kind,
        size,
        seed,
        mode: mode | 0o600,
        time: (time.0.into(), time.1),
    });
    prop::collection::vec(step, 0..24)
}

fn grow(root: &Path, steps: &[Step]) {
    let mut last = None;
    for step in steps {
        let folder = step.folder.iter().fold(root.to_owned(), |path, part| plant::odd(&path, &[*part]));
        if fs::create_dir_all(&folder).is_err() {
            continue;
        }
        let path = plant::odd(&folder, &step.name);
        if fs::symlink_metadata(&path).is_ok() {
            continue;
        }
        match (step.kind, &last) {
            (0, _) => fs::create_dir(&path).unwrap(),
            (1, _) => symlink(plant::odd(Path::new("x"), &step.name), &path).unwrap(),
            (2, Some(last)) => fs::hard_link(last, &path).unwrap(),
            (3, _) => fs::File::create(&path).unwrap().set_len(step.size as u64 * 3).unwrap(),
            _ => plant::write(&path, plant::noise(step.seed, step.size)),
        }
        if step.kind > 2 {
            last = Some(path.clone());
        }
        if step.kind != 1 {
            plant::mode(&path, step.mode | if step.kind == 0 { 0o100 } else { 0 });
        }
        plant::time(&path, step.time.0, step.time.1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// A random tree, and then the same tree with more in it on top of the first snapshot.
    #[test]
    fn any_tree_comes_back(first in steps(), second in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (tree, storage, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sync = sync(&directory(storage.path())).cache(other.path().join("cache"));
        for (round, steps) in [first, second].iter().enumerate() {
            grow(tree.path(), steps);
            let target = other.path().join(round.to_string());
            runtime.block_on(async {
                sync.snapshot(tree.path(), &SnapshotOptions::default()).await.unwrap();
                sync.restore(&target, &RestoreOptions::default()).await.unwrap();
                sync.verify(None).await.unwrap();
            });
            assert_same(tree.path(), &target);
        }
    }
}
