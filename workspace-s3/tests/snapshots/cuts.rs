//! An upload that is cut anywhere leaves former snapshots whole.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use workspace_core::port::SyncBackend;
use workspace_s3::{RestoreOptions, S3Settings, SnapshotOptions, SnapshotSync, Storage};

use crate::look::{assert_same, look};
use crate::places::{project, s3_settings};
use crate::plant;

/// Passes bytes to the storage until so many went there, and then nothing more, ever.
async fn cutting_line(to: String, after: u64) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let left = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(after));
    let line = tokio::spawn(async move {
        loop {
            let (from, _) = listener.accept().await.unwrap();
            tokio::spawn(pass(from, to.clone(), left.clone()));
        }
    });
    (address, line)
}

async fn pass(mut from: TcpStream, to: String, left: std::sync::Arc<std::sync::atomic::AtomicU64>) {
    use std::sync::atomic::Ordering::Relaxed;
    if left.load(Relaxed) == 0 {
        return;
    }
    let mut to = TcpStream::connect(to).await.unwrap();
    let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    loop {
        tokio::select! {
            read = from.read(&mut up) => {
                let read = read.unwrap_or(0) as u64;
                let pass = read.min(left.load(Relaxed));
                left.fetch_sub(pass, Relaxed);
                if pass > 0 && to.write_all(&up[..usize::try_from(pass).unwrap()]).await.is_err() { return }
                if read == 0 || pass < read { return }
            }
            read = to.read(&mut down) => {
                let read = read.unwrap_or(0);
                if read == 0 || from.write_all(&down[..read]).await.is_err() { return }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_cuts_leave_the_former_snapshot() {
    let place = tempfile::tempdir().unwrap();
    let (tree, former) = (place.path().join("tree"), place.path().join("former"));
    for file in 0..60 {
        plant::write(&tree.join(format!("{}/{file}", file % 5)), plant::noise(file, 20_000));
    }
    let (settings, project) = (s3_settings(), project());
    let straight = SnapshotSync::new(&Storage::s3(&settings).unwrap(), project);
    let first = straight.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    straight.restore(&former, &RestoreOptions::default()).await.unwrap();
    let before = look(&former);
    plant::write(&tree.join("new"), plant::noise(99, 1_500_000));
    let host = settings.endpoint.strip_prefix("http://").unwrap().to_owned();
    let mut acknowledged = 0;
    for cut in 0..50_u64 {
        // Not evenly: most of the requests' heads lie at the beginning and at the end.
        let after = plant::noise(cut, 8).iter().fold(0, |sum, byte| sum * 251 + u64::from(*byte)) % 1_512_000;
        let (address, line) = cutting_line(host.clone(), after).await;
        let cut_off = S3Settings { endpoint: format!("http://{address}"), ..settings.clone() };
        let through = SnapshotSync::new(&Storage::s3(&cut_off).unwrap(), project);
        let made = through.snapshot(&tree, &SnapshotOptions::default()).await;
        line.abort();
        if let Ok(made) = made {
            acknowledged += 1;
            straight.delete(&made.version).await.unwrap();
        }
        // One whose answer was lost may be there, and is whole then.
        for version in straight.versions(10).await.unwrap() {
            if version.version != first.version {
                straight.verify(Some(&version.version)).await.unwrap();
                straight.delete(&version.version).await.unwrap();
            }
        }
        straight.verify(Some(&first.version)).await.unwrap();
    }
    assert!(acknowledged < 25, "{acknowledged} of 50 were not cut at all");
    let again = place.path().join("again");
    straight.restore(&again, &RestoreOptions::default()).await.unwrap();
    assert_eq!(look(&again), before);
    let last = straight.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    assert!(last.new);
    let whole = place.path().join("whole");
    straight.restore(&whole, &RestoreOptions::default()).await.unwrap();
    assert_same(&tree, &whole);
}

/// A caller that goes away: the threads end, and what a restore made is removed.
#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_restore_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (tree, target) = (place.path().join("tree"), place.path().join("target"));
    for file in 0..3_000 {
        plant::write(&tree.join(format!("{}/{file}", file % 50)), plant::noise(file, 3_000));
    }
    let sync = SnapshotSync::new(&crate::places::directory(&place.path().join("storage")), project());
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    let (running, into) = (sync.clone(), target.clone());
    let restoring = tokio::spawn(async move { running.restore(&into, &RestoreOptions::default()).await });
    let start = Instant::now();
    while !target.exists() {
        assert!(start.elapsed() < Duration::from_secs(30));
        tokio::task::yield_now().await;
    }
    restoring.abort();
    let ended = restoring.await;
    let start = Instant::now();
    while ended.is_err() && target.exists() {
        assert!(start.elapsed() < Duration::from_secs(30), "the target is still there");
        tokio::task::yield_now().await;
    }
}
