//! Another implementation of S3: `rclone serve s3`.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use workspace_core::error::ErrorKind;
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

/// With a certificate and its key, behind https.
fn serve(folder: &Path, tls: Option<(&Path, &Path)>) -> (Served, S3Settings) {
    std::fs::create_dir_all(folder.join("bucket")).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut command = Command::new(std::env::var_os("WORKSPACE_TEST_RCLONE").expect(RCLONE));
    if let Some((certificate, key)) = tls {
        command.arg("--cert").arg(certificate).arg("--key").arg(key);
    }
    let child = command
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
        // The certificate is for this name, not for this address.
        endpoint: tls
            .map_or(format!("http://{address}"), |_| format!("https://{}", address.replace("127.0.0.1", "localhost"))),
        bucket: "bucket".to_owned(),
        region: "us-east-1".to_owned(),
        access_key_id: "test-id".to_owned(),
        secret_access_key: Secret::new("test-key"),
        session_token: None,
        prefix: "some/prefix".to_owned(),
        more_authorities: None,
    };
    (served, settings)
}

#[tokio::test]
async fn everything_comes_back_from_rclone() {
    let place = tempfile::tempdir().unwrap();
    let (tree, target) = (place.path().join("tree"), place.path().join("target"));
    plant::everything(&tree);
    let (_served, settings) = serve(&place.path().join("served"), None);
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

#[tokio::test]
async fn a_storage_of_the_operators_own_authority_is_trusted_when_that_is_said() {
    let place = tempfile::tempdir().unwrap();
    let tree = place.path().join("tree");
    plant::write(&tree.join("file"), "data");
    let certs = std::env::var_os("WORKSPACE_TEST_CERTS").expect("WORKSPACE_TEST_CERTS names the fleet's certificates");
    let certs = Path::new(&certs);
    let (served, settings) =
        serve(&place.path().join("served"), Some((&certs.join("git.pem"), &certs.join("git-key.pem"))));
    let take = async |more: Option<&str>| {
        let settings = S3Settings { more_authorities: more.map(str::to_owned), ..settings.clone() };
        let sync = SnapshotSync::new(&Storage::s3(&settings)?, project());
        sync.snapshot(&tree, &SnapshotOptions::default()).await
    };
    let authority = std::fs::read_to_string(certs.join("ca.pem")).unwrap();
    let stranger = std::fs::read_to_string(certs.join("other-ca.pem")).unwrap();
    assert!(take(Some(&authority)).await.unwrap().new);
    for unknown in [None, Some(stranger.as_str())] {
        let error = take(unknown).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TlsRefused, "{error:?}");
        assert!(error.next_step().is_some_and(|hint| hint.contains("certificate")), "{error:?}");
    }
    let error = take(Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).await.unwrap_err();
    assert_eq!(error.field(), Some("more_authorities"), "{error:?}");
    drop(served);
}
