//! Restoring into something, and what must never happen then.

use std::fs;
use std::os::unix::fs::symlink;

use workspace_core::error::ErrorKind;
use workspace_s3::{ChangeKind, RestoreMode, RestoreOptions, SnapshotOptions};

use crate::look::{assert_same, look};
use crate::places::{directory, sync};
use crate::plant;

fn merge() -> RestoreOptions {
    RestoreOptions { mode: RestoreMode::Merge, ..RestoreOptions::default() }
}

fn dry(options: RestoreOptions) -> RestoreOptions {
    RestoreOptions { dry_run: true, ..options }
}

#[tokio::test]
async fn a_merge_brings_back_what_differs_and_leaves_the_rest() {
    let place = tempfile::tempdir().unwrap();
    let (tree, copy) = (place.path().join("tree"), place.path().join("copy"));
    plant::everything(&tree);
    let sync = sync(&directory(&place.path().join("storage")));
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    sync.restore(&copy, &RestoreOptions::default()).await.unwrap();
    assert_eq!(sync.restore(&copy, &dry(merge())).await.unwrap().changes, []);
    let root = fs::metadata(&copy).unwrap().modified().unwrap();
    fs::remove_dir_all(copy.join("a/b")).unwrap();
    fs::write(copy.join("large"), "overwritten").unwrap();
    fs::remove_file(copy.join("link")).unwrap();
    plant::write(&copy.join("mine"), "stays");
    let before = look(&copy);
    let planned = sync.restore(&copy, &dry(merge())).await.unwrap();
    assert_eq!(look(&copy), before);
    let changes: Vec<_> = planned.changes.iter().map(|change| (change.path.as_str(), change.kind)).collect();
    let (created, replaced) = (ChangeKind::Created, ChangeKind::Replaced);
    let expected = [
        ("a/b/c/deep.txt", created),
        ("a/b/linked", created),
        ("large", replaced),
        ("link", created),
        ("twice", replaced),
    ];
    assert_eq!(changes, expected);
    let done = sync.restore(&copy, &merge()).await.unwrap();
    assert_eq!((done.changes, done.files_changed), (planned.changes, 5));
    assert_eq!(fs::read(copy.join("mine")).unwrap(), b"stays");
    fs::remove_file(copy.join("mine")).unwrap();
    // Directories that were there keep their own times.
    fs::File::open(&copy).unwrap().set_modified(root).unwrap();
    let (time, nanos) =
        (rustix::fs::stat(tree.join("a")).unwrap().st_mtime, rustix::fs::stat(tree.join("a")).unwrap().st_mtime_nsec);
    plant::time(&copy.join("a"), time, u32::try_from(nanos).unwrap());
    assert_same(&tree, &copy);
}

#[tokio::test]
async fn what_a_killed_merge_left_is_no_data() {
    let place = tempfile::tempdir().unwrap();
    let (tree, copy) = (place.path().join("tree"), place.path().join("copy"));
    plant::write(&tree.join("file"), "x");
    plant::write(&tree.join(".workspace-restore-0193/0-0"), "half");
    let sync = sync(&directory(&place.path().join("storage")));
    assert_eq!(sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap().files, 1);
    plant::write(&copy.join(".workspace-restore-0193/0-0"), "half");
    sync.restore(&copy, &merge()).await.unwrap();
    assert_eq!(look(&copy).into_keys().collect::<Vec<_>>(), ["", "file"]);
}

#[tokio::test]
async fn a_dry_run_into_nothing_lists_all_and_makes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (tree, copy) = (place.path().join("tree"), place.path().join("copy"));
    plant::everything(&tree);
    let sync = sync(&directory(&place.path().join("storage")));
    let made = sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    let planned = sync.restore(&copy, &dry(RestoreOptions::default())).await.unwrap();
    assert_eq!(planned.changes.len() as u64, made.files);
    assert!(!copy.exists());
}

#[tokio::test]
async fn a_target_that_has_something_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let (tree, copy) = (place.path().join("tree"), place.path().join("copy"));
    plant::everything(&tree);
    let sync = sync(&directory(&place.path().join("storage")));
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    plant::write(&copy.join("mine"), "x");
    symlink(&tree, place.path().join("link")).unwrap();
    for target in [copy.clone(), copy.join("mine"), place.path().join("link")] {
        let error = sync.restore(&target, &RestoreOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
    assert_eq!(look(&copy).len(), 2);
}

#[tokio::test]
async fn planted_links_lead_nowhere() {
    let place = tempfile::tempdir().unwrap();
    let (tree, copy, outside) = (place.path().join("tree"), place.path().join("copy"), place.path().join("outside"));
    plant::write(&tree.join("folder/deeper/file"), "from the snapshot");
    plant::write(&tree.join("file"), "from the snapshot");
    let sync = sync(&directory(&place.path().join("storage")));
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    plant::write(&outside.join("deeper/file"), "not ours");
    plant::write(&outside.join("file"), "not ours");
    let before = look(&outside);
    fs::create_dir(&copy).unwrap();
    symlink(&outside, copy.join("folder")).unwrap();
    symlink(outside.join("file"), copy.join("file")).unwrap();
    sync.restore(&copy, &merge()).await.unwrap();
    assert_eq!(look(&outside), before);
    let (now, then) = (look(&copy), look(&tree));
    for name in ["file", "folder/deeper/file", "folder/deeper", "folder"] {
        assert_eq!(now.get(name), then.get(name), "{name}");
    }
    // The target itself is a link.
    symlink(&outside, place.path().join("link")).unwrap();
    assert!(sync.restore(&place.path().join("link"), &merge()).await.is_err());
    assert_eq!(look(&outside), before);
}

/// Somebody in the workspace swaps directories for links while a restore runs.
#[tokio::test(flavor = "multi_thread")]
async fn links_planted_meanwhile_lead_nowhere() {
    let place = tempfile::tempdir().unwrap();
    let (tree, outside) = (place.path().join("tree"), place.path().join("outside"));
    for file in 0..600 {
        plant::write(&tree.join(format!("{}/deeper/{file}", file % 30)), plant::noise(file, 5_000));
    }
    fs::create_dir(&outside).unwrap();
    fs::create_dir(outside.join("deeper")).unwrap();
    let sync = sync(&directory(&place.path().join("storage")));
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    for round in 0..10 {
        let copy = place.path().join(format!("copy-{round}"));
        let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let swapping = std::thread::spawn({
            let (copy, outside, over) = (copy.clone(), outside.clone(), over.clone());
            move || {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    for folder in 0..30 {
                        let _moved = fs::rename(copy.join(folder.to_string()), copy.join(format!("was-{folder}")));
                        let _planted = symlink(&outside, copy.join(folder.to_string()));
                    }
                }
            }
        });
        let restored = sync.restore(&copy, &RestoreOptions::default()).await;
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        swapping.join().unwrap();
        assert!(
            restored.is_ok()
                || restored
                    .is_err_and(|error| error.kind() == ErrorKind::Conflict || error.kind() == ErrorKind::Internal)
        );
        assert_eq!(look(&outside).keys().collect::<Vec<_>>(), ["", "deeper"]);
    }
}

#[tokio::test]
async fn a_directory_in_place_of_a_file_is_not_removed() {
    let place = tempfile::tempdir().unwrap();
    let (tree, copy) = (place.path().join("tree"), place.path().join("copy"));
    plant::write(&tree.join("name"), "a file");
    plant::write(&tree.join("other"), "a file");
    let sync = sync(&directory(&place.path().join("storage")));
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    plant::write(&copy.join("name/mine"), "x");
    let error = sync.restore(&copy, &merge()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("name"), "{error}");
    assert_eq!(look(&copy).len(), 3);
}
