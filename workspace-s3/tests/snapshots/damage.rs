//! A damaged storage: an error that names files, and a target that is as it was.

use std::fs;
use std::path::{Path, PathBuf};

use workspace_core::error::{Error, ErrorKind};
use workspace_core::id::ProjectId;
use workspace_core::port::SyncBackend;
use workspace_s3::{RestoreMode, RestoreOptions, S3Settings, SnapshotOptions, SnapshotSync, Storage};

use crate::places::{directory, objects, project, s3_settings};
use crate::plant;

struct Subject {
    place: tempfile::TempDir,
    project: ProjectId,
    sync: SnapshotSync,
    target: PathBuf,
}

async fn subject() -> Subject {
    let place = tempfile::tempdir().unwrap();
    let tree = place.path().join("tree");
    plant::write(&tree.join("small/one.txt"), plant::noise(1, 40_000));
    plant::write(&tree.join("small/two.txt"), plant::noise(2, 40_000));
    plant::write(&tree.join("large.bin"), plant::noise(3, 3_000_000));
    let project = project();
    let sync = SnapshotSync::new(&directory(&place.path().join("storage")), project);
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    let target = place.path().join("target");
    Subject { place, project, sync, target }
}

impl Subject {
    fn object(&self, kind: &str) -> PathBuf {
        let all = objects(&self.place.path().join("storage"), self.project);
        all.into_iter().find(|path| path.parent().unwrap().ends_with(kind)).unwrap()
    }

    /// Neither a new target nor one to merge into is touched.
    async fn fails(&self) -> Error {
        let error = self.sync.restore(&self.target, &RestoreOptions::default()).await.unwrap_err();
        assert!(!self.target.exists());
        let merged = self.place.path().join("merged");
        plant::write(&merged.join("small/one.txt"), "mine");
        let merge = RestoreOptions { mode: RestoreMode::Merge, ..RestoreOptions::default() };
        self.sync.restore(&merged, &merge).await.unwrap_err();
        assert_eq!(crate::look::look(&merged).keys().collect::<Vec<_>>(), ["", "small", "small/one.txt"]);
        assert_eq!(fs::read(merged.join("small/one.txt")).unwrap(), b"mine");
        error
    }
}

#[tokio::test]
async fn a_missing_pack_is_named() {
    let subject = subject().await;
    let pack = subject.object("packs");
    fs::remove_file(&pack).unwrap();
    let error = subject.fails().await;
    assert_eq!(error.kind(), ErrorKind::SnapshotDamaged);
    assert!(error.message().contains(pack.file_name().unwrap().to_str().unwrap()), "{error}");
    assert!(error.message().contains("missing"), "{error}");
    assert_eq!(subject.sync.verify(None).await.unwrap_err().kind(), ErrorKind::SnapshotDamaged);
}

#[tokio::test]
async fn files_of_a_missing_pack_are_named() {
    let subject = subject().await;
    let tree = subject.place.path().join("tree");
    let first = subject.object("packs");
    plant::write(&tree.join("later.txt"), "later");
    subject.sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    // Its trees are in the second pack, but most of its bytes in the first.
    fs::remove_file(first).unwrap();
    let error = subject.fails().await;
    let named = ["large.bin", "small"].iter().any(|name| error.message().contains(name));
    assert!(named || error.message().contains("directory"), "{error}");
}

#[tokio::test]
async fn any_flipped_bit_is_found() {
    let subject = subject().await;
    let pack = subject.object("packs");
    let good = fs::read(&pack).unwrap();
    let mut named = 0;
    for step in 0..40 {
        // Not the header: only a verification reads it.
        let at = 16 + (good.len() - 17) * step / 39;
        let mut bad = good.clone();
        bad[at] ^= 1 << (step % 8);
        fs::write(&pack, bad).unwrap();
        let verified = subject.sync.verify(None).await.unwrap_err();
        assert_eq!(verified.kind(), ErrorKind::SnapshotDamaged, "byte {at}");
        let told = verified.message().contains("one.txt") || verified.message().contains("large.bin");
        assert!(told || verified.message().contains(pack.file_name().unwrap().to_str().unwrap()), "{verified}");
        // A restore does not read what it does not need, such as checksums of zstd.
        let target = subject.place.path().join(format!("flipped-{step}"));
        match subject.sync.restore(&target, &RestoreOptions::default()).await {
            Ok(_) => crate::look::assert_same(&subject.place.path().join("tree"), &target),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::SnapshotDamaged, "byte {at}");
                assert!(!target.exists());
                named += usize::from(["one.txt", "two.txt", "large.bin"].iter().any(|n| error.message().contains(n)));
            }
        }
    }
    assert!(named > 30, "only {named} errors named files");
}

#[tokio::test]
async fn a_pack_that_is_cut_off_is_found() {
    let subject = subject().await;
    let pack = subject.object("packs");
    let good = fs::read(&pack).unwrap();
    for length in [0, 10, good.len() / 2, good.len() - 1] {
        fs::write(&pack, &good[..length]).unwrap();
        assert_eq!(subject.fails().await.kind(), ErrorKind::SnapshotDamaged, "{length} bytes");
    }
}

#[tokio::test]
async fn any_flipped_bit_of_a_snapshot_is_found() {
    let subject = subject().await;
    let object = subject.object("snapshots");
    let good = fs::read(&object).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&object, bad).unwrap();
        let error = subject.sync.restore(&subject.target, &RestoreOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SnapshotDamaged, "byte {at}");
    }
    fs::write(object, &good[..good.len() / 2]).unwrap();
    assert_eq!(subject.fails().await.kind(), ErrorKind::SnapshotDamaged);
}

#[tokio::test]
async fn versions_that_do_not_exist() {
    let subject = subject().await;
    for version in ["", "newest", "../../etc", "00000000000000000001-0190d8a0-0000-7000-8000-000000000000"] {
        let options = RestoreOptions { version: Some(version.to_owned()), ..RestoreOptions::default() };
        let error = subject.sync.restore(&subject.target, &options).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound), "{error}");
    }
    let versions = subject.sync.versions(10).await.unwrap();
    subject.sync.delete(&versions[0].version).await.unwrap();
    subject.sync.delete(&versions[0].version).await.unwrap();
    let error = subject.sync.restore(&subject.target, &RestoreOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.next_step().is_some());
}

async fn refused(settings: &S3Settings, tree: &Path) -> Error {
    let sync = SnapshotSync::new(&Storage::s3(settings).unwrap(), project());
    let error = sync.snapshot(tree, &SnapshotOptions::default()).await.unwrap_err();
    assert!(error.next_step().is_some());
    assert!(!error.chain().contains(settings.secret_access_key.reveal()), "{}", error.chain());
    let restored = sync.restore(&tree.join("target"), &RestoreOptions::default()).await.unwrap_err();
    assert_eq!(restored.kind(), error.kind());
    error
}

#[tokio::test]
async fn a_storage_that_refuses_says_so() {
    let tree = tempfile::tempdir().unwrap();
    let good = s3_settings();
    let missing = S3Settings { bucket: "no-such-bucket-here".to_owned(), ..good.clone() };
    let error = refused(&missing, tree.path()).await;
    assert_eq!(error.kind(), ErrorKind::StorageRefused, "{}", error.chain());
    let wrong = S3Settings { secret_access_key: workspace_core::secret::Secret::new("wrong-key"), ..good.clone() };
    let error = refused(&wrong, tree.path()).await;
    assert_eq!(error.kind(), ErrorKind::StorageRefused, "{}", error.chain());
    let away = S3Settings { endpoint: "http://127.0.0.1:9".to_owned(), ..good };
    assert_eq!(refused(&away, tree.path()).await.kind(), ErrorKind::StorageUnreachable);
}

/// Needs the right to mount: the tests of the fleet run as root anyway.
#[tokio::test]
async fn a_full_disk_leaves_nothing_half() {
    let subject = subject().await;
    let disk = subject.place.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let size = c"size=2m";
    rustix::mount::mount("none", &disk, "tmpfs", rustix::mount::MountFlags::empty(), size)
        .expect("this test mounts a small tmpfs and needs root for that");
    let new = subject.sync.restore(&disk.join("target"), &RestoreOptions::default()).await;
    let empty = subject.sync.restore(&disk, &RestoreOptions::default()).await;
    let left = fs::read_dir(&disk).unwrap().count();
    plant::write(&disk.join("large.bin"), "mine");
    let merge = RestoreOptions { mode: RestoreMode::Merge, ..RestoreOptions::default() };
    let merged = subject.sync.restore(&disk, &merge).await;
    let after: Vec<_> = crate::look::look(&disk).into_keys().collect();
    let kept = fs::read(disk.join("large.bin")).unwrap();
    rustix::mount::unmount(&disk, rustix::mount::UnmountFlags::empty()).unwrap();
    for result in [new, empty, merged] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::DiskFull);
    }
    assert_eq!((left, after, kept), (0, vec![String::new(), "large.bin".to_owned()], b"mine".to_vec()));
}
