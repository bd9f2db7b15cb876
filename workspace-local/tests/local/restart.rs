//! What is there after a restart.

use std::time::Duration;

use futures::StreamExt;
use workspace_core::error::ErrorKind;
use workspace_core::port::{ContainerStatus, LogOptions, LogStream};
use workspace_local::LocalPool;

use crate::common::{connect, container, fleet};

async fn text(mut log: LogStream) -> String {
    let mut text = Vec::new();
    while let Some(chunk) = log.next().await {
        text.extend_from_slice(&chunk.unwrap().bytes);
    }
    String::from_utf8(text).unwrap()
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn containers_end_with_the_last_pool_and_are_seen_as_ended_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fleet();
    let pool = LocalPool::new(folder.path()).unwrap();
    let server = connect(&pool, fleet).await;
    let spec = container(fleet, "ws-1", &["sh", "-c", "(setsid sleep 1000 & echo $!); echo $$; exec sleep 1000"]);
    server.create_container(&spec).await.unwrap();
    server.create_container(&container(fleet, "ws-idle", &[])).await.unwrap();
    for name in ["ws-1", "ws-idle"] {
        server.start_container(name, None).await.unwrap();
    }
    let mut log = server.container_logs("ws-1", LogOptions { tail: None, follow: true }).await.unwrap();
    let mut pids = String::new();
    while pids.lines().count() < 2 {
        pids.push_str(std::str::from_utf8(&log.next().await.unwrap().unwrap().bytes).unwrap());
    }
    drop(log);
    assert!(pids.lines().all(is_alive));
    drop((server, pool));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while pids.lines().any(is_alive) {
        assert!(tokio::time::Instant::now() < deadline, "the programs end with the pool");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let pool = LocalPool::new(folder.path()).unwrap();
    let server = connect(&pool, fleet).await;
    let seen = server.list_containers(fleet).await.unwrap();
    let states: Vec<_> = seen.iter().map(|state| (state.name.as_str(), state.status, state.exit_code)).collect();
    let ended = ContainerStatus::Exited;
    assert_eq!(states, [("ws-1", ended, Some(137)), ("ws-idle", ended, Some(137))]);
    assert_eq!(seen[0].labels, Some(spec.labels));
    assert_eq!(text(server.container_logs("ws-1", LogOptions::default()).await.unwrap()).await, pids);
    server.start_container("ws-idle", None).await.unwrap();
    server.stop_container("ws-idle", fleet, Duration::from_secs(1)).await.unwrap();
}

#[tokio::test]
async fn what_a_killed_process_left_is_ended_when_the_folder_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fleet();
    let server = {
        let pool = LocalPool::new(folder.path()).unwrap();
        let server = connect(&pool, fleet).await;
        server.create_container(&container(fleet, "ws-1", &["sleep", "1000"])).await.unwrap();
        server.start_container("ws-1", None).await.unwrap();
        server
    };
    let file = folder.path().join("local-1/containers/ws-1/container.json");
    let kept = std::fs::read(&file).unwrap();
    let mark: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    drop(server);
    // As a killed process leaves it: the record says "running", and a program with its mark runs.
    std::fs::write(&file, kept).unwrap();
    let mut left = tokio::process::Command::new("sleep")
        .arg("1000")
        .env("WORKSPACE_CONTAINER", mark["mark"].as_str().unwrap())
        .spawn()
        .unwrap();
    let pool = LocalPool::new(folder.path()).unwrap();
    let server = connect(&pool, fleet).await;
    tokio::time::timeout(Duration::from_secs(10), left.wait()).await.unwrap().unwrap();
    let state = server.inspect_container("ws-1").await.unwrap().unwrap();
    assert_eq!((state.status, state.exit_code), (ContainerStatus::Exited, Some(137)));
}

#[tokio::test]
async fn two_pools_of_one_process_share_a_folder_and_what_runs_there() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fleet();
    let one = LocalPool::new(folder.path()).unwrap();
    let other = LocalPool::new(folder.path()).unwrap();
    let server = connect(&one, fleet).await;
    server.create_container(&container(fleet, "ws-1", &[])).await.unwrap();
    server.start_container("ws-1", None).await.unwrap();
    let again = connect(&other, fleet).await;
    drop((server, one));
    let state = again.inspect_container("ws-1").await.unwrap().unwrap();
    assert_eq!(state.status, ContainerStatus::Running);
    assert_eq!(state.ports.len(), 1, "ports are the machine's own");
}

#[tokio::test]
async fn what_a_local_server_cannot_do_is_told() {
    let pool = LocalPool::temporary().unwrap().with_image("team/base:1");
    let fleet = fleet();
    let server = connect(&pool, fleet).await;
    let mut spec = container(fleet, "ws-1", &[]);
    for known in ["workspace-base", "workspace-base:latest", "team/base:1"] {
        assert!(server.has_image(&workspace_core::port::ImageRef::new(known)).await.unwrap(), "{known}");
    }
    let mount = |target: &str| workspace_core::port::Mount {
        volume: "vol-1".to_owned(),
        target: target.to_owned(),
        read_only: false,
    };
    spec.mounts = vec![mount("/data")];
    assert_eq!(server.create_container(&spec).await.unwrap_err().kind(), ErrorKind::Unsupported);
    spec.mounts = vec![mount("/workspace")];
    assert_eq!(server.create_container(&spec).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(server.load_image(bytes::Bytes::new()).await.unwrap_err().kind(), ErrorKind::Unsupported);
}
