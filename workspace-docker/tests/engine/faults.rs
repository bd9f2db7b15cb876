//! Lost answers, hung daemons, cut streams: the Engine is real, the network between is bad.

use std::time::{Duration, Instant};

use futures::StreamExt;
use workspace_core::error::ErrorKind;
use workspace_core::port::{Created, LogOptions};
use workspace_docker::{Call, CallEnd};

use crate::common::{Bench, PATIENCE};
use crate::proxy::Proxy;

#[tokio::test]
async fn what_was_made_before_its_answer_was_lost_is_adopted() {
    let proxy = Proxy::start().await;
    let bench = Bench::plain(proxy.spec()).await;
    bench.server.probe().await.unwrap();

    let volume = bench.volume();
    proxy.cut_next_answer();
    assert_eq!(bench.server.volumes().create_volume(&volume).await.unwrap(), Created::Adopted);
    let network = bench.network();
    proxy.cut_next_answer();
    assert_eq!(bench.server.create_network(&network).await.unwrap(), Created::Adopted);
    let container = bench.container("sleep 1000");
    proxy.cut_next_answer();
    assert_eq!(bench.server.create_container(&container).await.unwrap(), Created::Adopted);

    proxy.cut_next_answer();
    let error = bench.server.start_container(&container.name, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{}", error.chain());
    bench.server.start_container(&container.name, None).await.unwrap();
    assert_eq!(bench.server.list_containers(bench.fleet).await.unwrap().len(), 1);
    bench.clean().await;
}

#[tokio::test]
async fn a_hung_server_is_told_within_the_deadline_and_is_well_again_after() {
    let proxy = Proxy::start().await;
    let bench = Bench::plain(proxy.spec()).await;
    bench.server.probe().await.unwrap();
    bench.calls.take();
    proxy.freeze();
    let started = Instant::now();
    let error = bench.server.probe().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{}", error.chain());
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    let records = bench.calls.records();
    assert!(
        records.iter().any(|record| record.end == CallEnd::Failed && record.duration.as_secs() >= 2),
        "{records:?}"
    );
    proxy.thaw();
    bench.server.probe().await.unwrap();
}

/// A silent program and a dead daemon look alike on the stream; a ping on another connection tells them apart.
#[tokio::test]
async fn a_followed_log_ends_with_an_error_when_the_server_falls_silent() {
    let proxy = Proxy::start().await;
    let bench = Bench::plain(proxy.spec()).await;
    let spec = bench.container("echo first; sleep 1000");
    bench.run(&spec).await;
    let options = LogOptions { tail: None, follow: true };
    let mut log = bench.server.container_logs(&spec.name, options).await.unwrap();
    assert_eq!(&log.next().await.unwrap().unwrap().bytes[..], b"first\n");
    bench.calls.take();
    proxy.freeze();
    let started = Instant::now();
    let error = log.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{}", error.chain());
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert!(bench.calls.take().contains(&Call::Ping));
    assert!(log.next().await.is_none());
    proxy.thaw();
    bench.clean().await;
}

/// The Engine answers, but the stream's end never comes: who follows must not wait for ever.
#[tokio::test]
async fn a_followed_log_that_is_silent_after_its_container_ends_with_an_error() {
    let proxy = Proxy::start().await;
    let bench = Bench::plain(proxy.spec()).await;
    let spec = bench.container("echo first; sleep 2; echo last");
    bench.run(&spec).await;
    let options = LogOptions { tail: None, follow: true };
    let mut log = bench.server.container_logs(&spec.name, options).await.unwrap();
    assert_eq!(&log.next().await.unwrap().unwrap().bytes[..], b"first\n");
    proxy.forget_connections();
    let error = log.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{}", error.chain());
    assert!(error.is_retryable(), "{}", error.chain());
    assert_eq!(bench.output(&spec.name).await.0, "first\nlast\n", "read again, it is whole");
    bench.clean().await;
}

#[tokio::test]
async fn a_silent_program_is_no_error() {
    let proxy = Proxy::start().await;
    let bench = Bench::plain(proxy.spec()).await;
    let spec = bench.container("sleep 17; echo late");
    bench.run(&spec).await;
    assert_eq!(bench.output(&spec.name).await.0, "late\n");
    assert!(bench.calls.take().contains(&Call::Ping));
    bench.clean().await;
}

#[tokio::test]
async fn connections_are_pooled_and_a_dropped_call_frees_its_own() {
    let proxy = Proxy::start().await;
    let bench = Bench::plain(proxy.spec()).await;
    for _ in 0..10 {
        bench.server.inspect_container("ws-nobody").await.unwrap();
    }
    assert_eq!(proxy.connections(), 1);
    proxy.freeze();
    let hung = bench.server.inspect_container("ws-nobody");
    assert!(tokio::time::timeout(Duration::from_millis(100), hung).await.is_err());
    proxy.thaw();
    bench.server.inspect_container("ws-nobody").await.unwrap();
    assert_eq!(proxy.connections(), 2, "the answer of a dropped call must not be taken for another's");
    assert!(bench.calls.records().iter().any(|record| record.end == CallEnd::Dropped));
}
