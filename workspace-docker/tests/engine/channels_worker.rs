//! Channels through the worker: programs, files, ends, and what a round trip costs.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::time::{Duration, Instant};

use futures::StreamExt;
use workspace_core::error::ErrorKind;
use workspace_core::port::{ExecEnd, ExecEvent, Mount};
use workspace_docker::Call;

use crate::common::{Bench, ended, plain_spec, shell, specs, until};

/// A running workspace with a volume, and the worker's channel into it.
async fn workspace(bench: &Bench) -> String {
    let volume = bench.volume();
    bench.server.volumes().create_volume(&volume).await.unwrap();
    let mut spec = bench.container("sleep 1000");
    spec.mounts = vec![Mount { volume: volume.name, target: "/workspace".to_owned(), read_only: false }];
    bench.run(&spec).await;
    spec.name
}

#[tokio::test]
async fn programs_and_files_go_through_one_exec() {
    for server in specs() {
        let bench = Bench::worker(server).await;
        let name = workspace(&bench).await;
        bench.calls.take();
        let channel = bench.server.open_channel(&name).await.unwrap();
        let mut request = shell("echo out; echo err >&2; id -u; pwd; cat; exit 7");
        request.stdin = Some("in".into());
        let (stdout, stderr, end, _) = ended(channel.exec(request).await.unwrap()).await;
        assert_eq!((stdout.as_str(), stderr.as_str()), ("out\n1000\n/workspace\nin", "err\n"));
        assert_eq!(end, ExecEnd::Exited(7));
        let content = bytes::Bytes::from(vec![7u8; 3 << 20]);
        channel.write_file("a/file", content.clone(), None).await.unwrap();
        assert_eq!(channel.read_file("a/file").await.unwrap().bytes, content);
        let (stdout, ..) = ended(channel.exec(shell("wc -c <a/file")).await.unwrap()).await;
        assert_eq!(stdout.trim(), content.len().to_string());
        let many = futures::future::join_all((0..20).map(|number| {
            let channel = &channel;
            async move { ended(channel.exec(shell(&format!("echo {number}"))).await.unwrap()).await.0 }
        }));
        let expected: Vec<_> = (0..20).map(|number| format!("{number}\n")).collect();
        assert_eq!(many.await, expected);
        assert_eq!(bench.calls.take(), [Call::ExecCreate, Call::ExecStart]);
        bench.clean().await;
    }
}

#[tokio::test]
async fn a_program_ends_with_its_limit_its_stream_and_its_channel() {
    let bench = Bench::worker(plain_spec()).await;
    let name = workspace(&bench).await;
    let channel = bench.server.open_channel(&name).await.unwrap();
    let mut request = shell("sleep 333 & sleep 334");
    request.timeout = Duration::from_millis(500);
    let (.., end, _) = ended(channel.exec(request).await.unwrap()).await;
    assert_eq!(end, ExecEnd::TimeLimit);
    let mut stream = channel.exec(shell("echo on; sleep 335")).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), ExecEvent::Stdout("on\n".into()));
    drop(stream);
    let other = bench.server.open_channel(&name).await.unwrap();
    let mut stream = other.exec(shell("echo on; sleep 336")).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), ExecEvent::Stdout("on\n".into()));
    drop(stream);
    drop(other);
    until("nothing of it runs", || async {
        let listing = shell("ps -o args | grep -E 'sleep 33[3-6]' | grep -v grep | wc -l");
        ended(channel.exec(listing).await.unwrap()).await.0.trim() == "0"
    })
    .await;
    bench.clean().await;
}

#[tokio::test]
async fn a_channel_breaks_with_its_container_and_needs_one() {
    let bench = Bench::worker(plain_spec()).await;
    let name = workspace(&bench).await;
    let channel = bench.server.open_channel(&name).await.unwrap();
    let mut stream = channel.exec(shell("echo on; sleep 1000")).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), ExecEvent::Stdout("on\n".into()));
    bench.server.stop_container(&name, bench.fleet, Duration::ZERO).await.unwrap();
    let last = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("in time").unwrap();
    assert_eq!(last.unwrap_err().kind(), ErrorKind::Unreachable);
    assert!(!channel.is_open());
    assert_eq!(bench.server.open_channel(&name).await.unwrap_err().kind(), ErrorKind::NotRunning);
    assert_eq!(bench.server.open_channel("ws-nobody").await.unwrap_err().kind(), ErrorKind::NotRunning);
    bench.clean().await;
}

/// The figure itself is a benchmark's; here it must only be far from what an exec each costs.
#[tokio::test]
async fn a_round_trip_is_far_cheaper_than_an_exec() {
    let bench = Bench::worker(plain_spec()).await;
    let name = workspace(&bench).await;
    let channel = bench.server.open_channel(&name).await.unwrap();
    let plain = Bench::plain(plain_spec()).await.server.open_channel(&name).await.unwrap();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..9 {
        for (times, channel) in times.iter_mut().zip([&channel, &plain]) {
            let started = Instant::now();
            ended(channel.exec(shell("true")).await.unwrap()).await;
            times.push(started.elapsed());
        }
    }
    let [through, each] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    println!("through the channel {through:?}, an exec each {each:?}");
    assert!(through * 3 < each, "through the channel {through:?}, an exec each {each:?}");
    bench.clean().await;
}

/// The Engine says nothing of a child that ran out of memory while the container's own program goes on.
#[tokio::test]
async fn a_program_that_takes_too_much_memory_ends_alone() {
    let bench = Bench::worker(plain_spec()).await;
    let mut spec = bench.container("sleep 1000");
    spec.memory_mib = 32;
    bench.run(&spec).await;
    let channel = bench.server.open_channel(&spec.name).await.unwrap();
    let (.., end, _) = ended(channel.exec(shell("dd if=/dev/zero of=/dev/null bs=200M count=1")).await.unwrap()).await;
    assert_eq!(end, ExecEnd::Exited(137));
    let (stdout, ..) = ended(channel.exec(shell("echo goes on")).await.unwrap()).await;
    assert_eq!(stdout, "goes on\n");
    bench.clean().await;
}
