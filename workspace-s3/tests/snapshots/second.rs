//! Another implementation of S3: `rclone serve s3`.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use workspace_core::port::SyncBackend;
use workspace_core::secret::Secret;
use workspace_s3::{RestoreOptions, S3Settings, SnapshotOptions, SnapshotSync, Storage};

use crate::look::assert_same;
use crate::places::project;
use crate::plant;

const RCLONE: &str = "WORKSPACE_TEST_RCLONE names no rclone of version 1.65 or later: \
    `fleet/snapshot-tools` installs one, and `make test` uses it";

/// Ended with the test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn serve(folder: &std::path::Path) -> (Served, S3Settings) {
    std::fs::create_dir_all(folder.join("bucket")).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let child = Command::new(std::env::var_os("WORKSPACE_TEST_RCLONE").expect(RCLONE))
        .args(["serve", "s3", "--addr", &address, "--auth-key", "test-id,test-key"])
        .arg(folder)
        .env("RCLONE_CONFIG", folder.join("none.conf"))
        .stderr(Stdio::null())
        .spawn()
        .expect(RCLONE);
    let served = Served(child);
    let start = Instant::now();
    while std::net::TcpStream::connect(&address).is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "rclone does not listen");
        std::thread::yield_now();
    }
    let settings = S3Settings {
        endpoint: format!("http://{address}"),
        bucket: "bucket".to_owned(),
        region: "us-east-1".to_owned(),
        access_key_id: "test-id".to_owned(),
        secret_access_key: Secret::new("test-key"),
        session_token: None,
        prefix: "some/prefix".to_owned(),
    };
    (served, settings)
}

#[tokio::test]
async fn everything_comes_back_from_rclone() {
    let place = tempfile::tempdir().unwrap();
    let (tree, target) = (place.path().join("tree"), place.path().join("target"));
    plant::everything(&tree);
    let (_served, settings) = serve(&place.path().join("served"));
    let sync = SnapshotSync::new(&Storage::s3(&settings).unwrap(), project()).cache(place.path().join("cache"));
    assert!(sync.versions(10).await.unwrap().is_empty());
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    plant::write(&tree.join("more"), plant::noise(7, 2_000_000));
    let second = sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    assert_eq!(second.files_changed, 1);
    sync.restore(&target, &RestoreOptions::default()).await.unwrap();
    assert_same(&tree, &target);
    sync.verify(None).await.unwrap();
    sync.delete(&second.version).await.unwrap();
    assert_eq!(sync.versions(10).await.unwrap().len(), 1);
}
