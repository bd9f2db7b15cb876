//! The second snapshot costs what changed.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::look::assert_same;
use crate::places::{directory, s3, sync};
use crate::plant;
use workspace_core::port::{SyncBackend, SyncRequest};
use workspace_s3::{RestoreOptions, SnapshotOptions, SnapshotSync};

fn grow(root: &Path) {
    for file in 0..500 {
        plant::write(&root.join(format!("{}/{}/{file}.txt", file % 40, file % 7)), plant::noise(file, 300));
    }
    // One large directory: only a part of it is written again.
    for file in 0..2_000_u64 {
        plant::write(&root.join(format!("flat/{file}")), file.to_string());
    }
    plant::settle();
}

async fn take(sync: &SnapshotSync, tree: &Path) -> workspace_s3::SnapshotReport {
    sync.snapshot(tree, &SnapshotOptions::default()).await.unwrap()
}

#[tokio::test]
async fn one_changed_file_costs_three_requests_and_little() {
    let (tree, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    grow(tree.path());
    let sync = sync(&s3()).cache(other.path().join("cache"));
    let first = take(&sync, tree.path()).await;
    assert_eq!((first.files, first.files_changed, first.files_read), (2_500, 2_500, 2_500));
    for (round, name) in ["3/3/3.txt", "flat/77"].into_iter().enumerate() {
        fs::OpenOptions::new().append(true).open(tree.path().join(name)).unwrap().write_all(b"more").unwrap();
        let second = take(&sync, tree.path()).await;
        assert_eq!(second.files_changed, 1);
        assert!(second.files_read <= 2, "{second:?}");
        assert!(second.requests <= 3 && second.bytes_sent <= 64 << 10, "{second:?}");
        let target = other.path().join(round.to_string());
        sync.restore(&target, &RestoreOptions::default()).await.unwrap();
        assert_same(tree.path(), &target);
    }
}

#[tokio::test]
async fn an_unchanged_tree_makes_no_second_version() {
    let (tree, storage, cache) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    plant::everything(tree.path());
    plant::settle();
    let storage = directory(storage.path());
    let sync = sync(&storage).cache(cache.path());
    let first = take(&sync, tree.path()).await;
    assert_eq!(sync.status(tree.path()).await.unwrap(), 0);
    let second = take(&sync, tree.path()).await;
    assert!(!second.new && second.version == first.version && second.files_read == 0, "{second:?}");
    let later = SnapshotOptions { data_generation: 1, ..SnapshotOptions::default() };
    let third = sync.snapshot(tree.path(), &later).await.unwrap();
    assert!(third.new && third.files_read == 0, "{third:?}");
    let versions: Vec<_> = sync.versions(10).await.unwrap().into_iter().map(|version| version.version).collect();
    assert_eq!(versions, [third.version, first.version]);
}

#[tokio::test]
async fn a_lost_or_damaged_cache_costs_reading_only() {
    let (tree, storage, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    plant::everything(tree.path());
    plant::settle();
    let storage = directory(storage.path());
    let cache = other.path().join("cache");
    let sync = sync(&storage).cache(&cache);
    let first = take(&sync, tree.path()).await;
    let file = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&file).unwrap();
    for round in 0..12 {
        let mut bad = good.clone();
        match round {
            0 => bad.clear(),
            1 => bad.truncate(good.len() / 2),
            _ => bad[good.len() * (round - 2) / 10] ^= 0x20,
        }
        fs::write(&file, bad).unwrap();
        plant::write(&tree.path().join("changing"), round.to_string());
        let made = take(&sync, tree.path()).await;
        assert!(made.new && made.files_changed == 1, "{made:?}");
        // Without identities all is read, but nothing that storage has is sent.
        assert_eq!(made.files_read, first.files_read + 1, "{made:?}");
        let target = other.path().join(format!("target-{round}"));
        sync.restore(&target, &RestoreOptions::default()).await.unwrap();
        assert_same(tree.path(), &target);
        fs::write(&file, &good).unwrap();
    }
}

#[tokio::test]
async fn a_cache_whose_snapshot_is_gone_is_not_believed() {
    let (tree, storage, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    plant::everything(tree.path());
    plant::settle();
    let sync = sync(&directory(storage.path())).cache(other.path().join("cache"));
    let first = take(&sync, tree.path()).await;
    fs::remove_dir_all(storage.path()).unwrap();
    fs::create_dir(storage.path()).unwrap();
    let again = take(&sync, tree.path()).await;
    assert!(again.new && again.files_read == first.files_read, "{again:?}");
    let target = other.path().join("target");
    sync.restore(&target, &RestoreOptions::default()).await.unwrap();
    assert_same(tree.path(), &target);
}

#[tokio::test]
async fn a_write_that_keeps_size_and_time_is_seen() {
    let (tree, storage, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = tree.path().join("file");
    let sync = sync(&directory(storage.path())).cache(other.path().join("cache"));
    for round in 0..30_u32 {
        fs::write(&file, format!("{round:04}")).unwrap();
        plant::time(&file, 1_000_000_000, 0);
        take(&sync, tree.path()).await;
        let target = other.path().join(round.to_string());
        sync.restore(&target, &RestoreOptions::default()).await.unwrap();
        assert_same(tree.path(), &target);
    }
}

#[tokio::test]
async fn the_port_counts_what_changed() {
    let (tree, storage, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    plant::everything(tree.path());
    let sync = sync(&directory(storage.path())).cache(other.path().join("cache"));
    let request = SyncRequest { message: Some("first".into()), ..SyncRequest::default() };
    let pushed = sync.push(tree.path(), &request).await.unwrap();
    fs::remove_dir_all(tree.path().join("a")).unwrap();
    fs::rename(tree.path().join("run"), tree.path().join("ran")).unwrap();
    plant::mode(&tree.path().join("empty"), 0o640);
    // Gone: 4 in `a`. Moved: 2. Changed: the mode of one.
    assert_eq!(sync.status(tree.path()).await.unwrap(), 8);
    let versions = sync.versions(10).await.unwrap();
    assert_eq!((versions[0].version.as_str(), versions[0].message.as_str()), (pushed.version.as_str(), "first"));
    let pulled = sync.pull(&other.path().join("target"), &SyncRequest::default()).await.unwrap();
    assert_eq!((pulled.version, pulled.files_changed), (pushed.version, pushed.files_changed));
}
