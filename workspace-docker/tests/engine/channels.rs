//! Programs in running containers without the worker.

use std::time::{Duration, Instant};

use futures::StreamExt;
use workspace_core::error::ErrorKind;
use workspace_core::port::{ExecEnd, ExecEvent, ExecRequest};

use crate::common::{Bench, PATIENCE, ended, plain_spec, shell, specs};

#[tokio::test]
async fn plain_exec_tells_code_and_split_output_and_takes_input() {
    for server in specs() {
        let bench = Bench::plain(server).await;
        let spec = bench.container("sleep 1000");
        bench.run(&spec).await;
        let channel = bench.server.open_channel(&spec.name).await.unwrap();
        assert!(channel.is_open());
        let mut request = shell("echo out; echo err >&2; echo $A; id -u; pwd; cat; exit 7");
        request.env.insert("A".to_owned(), "b".to_owned());
        request.cwd = Some("/tmp".to_owned());
        request.stdin = Some("in".into());
        let (stdout, stderr, end, truncated) = ended(channel.exec(request).await.unwrap()).await;
        assert_eq!((stdout.as_str(), stderr.as_str()), ("out\nb\n1000\n/tmp\nin", "err\n"));
        assert_eq!((end, truncated), (ExecEnd::Exited(7), false));
        bench.clean().await;
    }
}

#[tokio::test]
async fn plain_exec_limits_time_and_output() {
    let bench = Bench::plain(plain_spec()).await;
    let spec = bench.container("sleep 1000");
    bench.run(&spec).await;
    let channel = bench.server.open_channel(&spec.name).await.unwrap();
    let mut request = shell("echo begun; sleep 1000");
    request.timeout = Duration::from_millis(700);
    let started = Instant::now();
    let (stdout, _, end, _) = ended(channel.exec(request).await.unwrap()).await;
    assert_eq!((stdout.as_str(), end), ("begun\n", ExecEnd::TimeLimit));
    assert!(started.elapsed() < PATIENCE);

    let mut request = shell("seq 1 100000");
    request.output_limit = 1000;
    let (stdout, _, end, truncated) = ended(channel.exec(request).await.unwrap()).await;
    assert_eq!((stdout.len(), end, truncated), (1000, ExecEnd::Exited(0), true));
    bench.clean().await;
}

#[tokio::test]
async fn a_missing_program_and_a_stopped_container_are_told_apart() {
    let bench = Bench::plain(plain_spec()).await;
    let spec = bench.container("sleep 1000");
    bench.run(&spec).await;
    let channel = bench.server.open_channel(&spec.name).await.unwrap();
    for program in ["no-such-program", "/etc/passwd"] {
        let Err(error) = channel.exec(ExecRequest::new([program])).await else { panic!("{program} was started") };
        assert_eq!(error.kind(), ErrorKind::ProgramNotFound, "{}", error.chain());
    }
    for code in [126, 127] {
        let (_, _, end, _) = ended(channel.exec(shell(&format!("exit {code}"))).await.unwrap()).await;
        assert_eq!(end, ExecEnd::Exited(code), "a code is not a missing program");
    }
    assert_eq!(channel.read_file("x").await.unwrap_err().kind(), ErrorKind::WorkerImageMissing);
    bench.server.stop_container(&spec.name, bench.fleet, Duration::ZERO).await.unwrap();
    let Err(error) = channel.exec(shell("true")).await else { panic!("ran in a stopped container") };
    assert_eq!(error.kind(), ErrorKind::NotRunning, "{}", error.chain());
    assert_eq!(bench.server.open_channel(&spec.name).await.unwrap_err().kind(), ErrorKind::NotRunning);
    assert_eq!(bench.server.open_channel("ws-nobody").await.unwrap_err().kind(), ErrorKind::NotRunning);
    bench.clean().await;
}

#[tokio::test]
async fn output_comes_while_the_program_runs() {
    let bench = Bench::plain(plain_spec()).await;
    let spec = bench.container("sleep 1000");
    bench.run(&spec).await;
    let channel = bench.server.open_channel(&spec.name).await.unwrap();
    let mut stream = channel.exec(shell("echo first; sleep 1000")).await.unwrap();
    let first = tokio::time::timeout(Duration::from_secs(5), stream.next()).await.expect("in time").unwrap().unwrap();
    assert_eq!(first, ExecEvent::Stdout("first\n".into()));
    drop(stream);
    bench.clean().await;
}
