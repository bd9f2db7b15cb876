//! What only a worker that adopts orphans promises, and its own end.

use std::fs;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, sleep, timeout};
use workspace_fleet::ExecRequest;
use workspace_fleet::port::{Channel, ExecEnd, ExecEvent};

use crate::channel::worker;

const PATIENCE: Duration = Duration::from_secs(15);

fn shell(line: &str) -> ExecRequest {
    ExecRequest::new(["sh", "-c", line])
}

/// The state letter of a process.
fn state(pid: &str) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

fn is_alive(pid: &str) -> bool {
    state(pid).is_some_and(|state| state != 'Z')
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// The pids that programs wrote, once there are so many.
async fn pids(file: &Path, count: usize) -> Vec<String> {
    let read = || fs::read_to_string(file).unwrap_or_default();
    until("the programs start", || read().lines().count() >= count).await;
    read().lines().map(str::to_owned).collect()
}

/// Forks twice, into a session of its own, without its environment: nothing but its adoption leads to it.
const STRAY: &str = "env -i /bin/sh -c 'setsid sh -c \"echo \\$\\$ >> pids; exec sleep 1000\" & ' ; sleep 1000";

#[tokio::test]
async fn a_stray_without_any_mark_ends_at_the_time_limit() {
    let root = tempfile::tempdir().unwrap();
    let (mut child, client) = worker(root.path()).await;
    let mut request = shell(STRAY);
    request.timeout = Duration::from_secs(2);
    let mut stream = client.exec(request).await.unwrap();
    let stray = pids(&root.path().join("pids"), 1).await;
    assert!(is_alive(&stray[0]));
    let Some(Ok(ExecEvent::Ended { end, .. })) = stream.next().await else { panic!("the program ends") };
    assert_eq!(end, ExecEnd::TimeLimit);
    assert!(!is_alive(&stray[0]), "the stray was ended with the program");
    until("the worker waits for the orphans that it adopted", || state(&stray[0]).is_none()).await;
    drop(stream);
    drop(client);
    assert!(timeout(PATIENCE, child.wait()).await.unwrap().unwrap().success());
}

#[tokio::test]
async fn a_stray_of_somebody_else_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let (_child, client) = worker(root.path()).await;
    let long = client.exec(shell("sleep 1000")).await.unwrap();
    let background = "env -i /bin/sh -c 'setsid sh -c \"echo \\$\\$ >> pids; exec sleep 1000\" &'";
    let events: Vec<_> = client.exec(shell(background)).await.unwrap().collect().await;
    assert!(matches!(events.last(), Some(Ok(ExecEvent::Ended { end: ExecEnd::Exited(0), .. }))), "{events:?}");
    let stray = pids(&root.path().join("pids"), 1).await;
    drop(long);
    let mut limited = shell("sleep 1000");
    limited.timeout = Duration::from_millis(200);
    let events: Vec<_> = client.exec(limited).await.unwrap().collect().await;
    assert!(matches!(events.last(), Some(Ok(ExecEvent::Ended { end: ExecEnd::TimeLimit, .. }))), "{events:?}");
    assert!(is_alive(&stray[0]), "a program that another left in the background lives on");
    assert!(std::process::Command::new("kill").arg(&stray[0]).status().unwrap().success());
}

#[tokio::test]
async fn the_end_of_stdin_ends_what_runs_and_the_worker() {
    let root = tempfile::tempdir().unwrap();
    let (mut child, client) = worker(root.path()).await;
    let line = "echo $$ >> pids; (setsid sh -c 'echo $$ >> pids; exec sleep 1000' &); exec sleep 1000";
    let streams = [client.exec(shell(line)).await.unwrap(), client.exec(shell(line)).await.unwrap()];
    let running = pids(&root.path().join("pids"), 4).await;
    assert!(running.iter().all(|pid| is_alive(pid)));
    drop(client);
    drop(streams);
    assert!(timeout(PATIENCE, child.wait()).await.unwrap().unwrap().success(), "the worker ends in peace");
    assert!(!running.iter().any(|pid| is_alive(pid)), "what it ran is ended before");
}

#[tokio::test]
async fn a_worker_that_is_asked_to_end_ends_what_runs() {
    let root = tempfile::tempdir().unwrap();
    let (mut child, client) = worker(root.path()).await;
    let mut stream = client.exec(shell("echo $$ >> pids; exec sleep 1000")).await.unwrap();
    let running = pids(&root.path().join("pids"), 1).await;
    let worker = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").arg(worker).status().unwrap().success());
    assert!(timeout(PATIENCE, child.wait()).await.unwrap().unwrap().success());
    until("what it ran is ended", || !is_alive(&running[0])).await;
    let last = stream.next().await.unwrap();
    assert_eq!(last.unwrap_err().kind(), workspace_fleet::ErrorKind::Unreachable);
    until("the channel is broken", || !client.is_open()).await;
}
