//! How long an exec takes through a real worker.

use std::time::Instant;

use futures::StreamExt;
use workspace_fleet::ExecRequest;
use workspace_fleet::port::Channel;

use crate::channel::worker;

/// Generous, since tests share the machine: what is meant is half of what the program alone takes.
const TIMES: u32 = 10;

#[tokio::test]
async fn an_exec_takes_little_longer_than_its_program() {
    let root = tempfile::tempdir().unwrap();
    let (_child, client) = worker(root.path()).await;
    let mut through = Vec::new();
    let mut plain = Vec::new();
    for _ in 0..200 {
        let started = Instant::now();
        let stream = client.exec(ExecRequest::new(["/bin/true"])).await.unwrap();
        let events: Vec<_> = stream.collect().await;
        through.push(started.elapsed());
        assert!(events.last().is_some_and(Result::is_ok));
        let started = Instant::now();
        assert!(tokio::process::Command::new("/bin/true").status().await.unwrap().success());
        plain.push(started.elapsed());
    }
    through.sort_unstable();
    plain.sort_unstable();
    println!("p50 through the channel {:?}, the program alone {:?}", through[100], plain[100]);
    assert!(through[100] < plain[100] * TIMES, "{:?} beside {:?}", through[100], plain[100]);
}
