//! Rules of logs.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use super::rig::{PATIENCE, Rig, read, works};
use super::subject::Subject;
use crate::port::{ContainerStatus, LogOptions, Server};

/// Both streams are kept apart and in order, and stay when the container ended and started again.
pub async fn logs_are_split_and_kept(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.line("echo out; echo err >&2; echo more");
    rig.create(&spec).await;
    assert_eq!(rig.log(&spec.name, None).await, (String::new(), String::new()), "a new container has said nothing");
    works("start", server.start_container(&spec.name, None).await);
    rig.reaches(&spec.name, ContainerStatus::Exited).await;
    let (out, err) = rig.log(&spec.name, None).await;
    assert_eq!((out.as_str(), err.as_str()), ("out\nmore\n", "err\n"), "both streams are kept apart");
    works("start again", server.start_container(&spec.name, None).await);
    rig.reaches(&spec.name, ContainerStatus::Exited).await;
    assert_eq!(rig.log(&spec.name, None).await.0, "out\nmore\nout\nmore\n", "a log goes on after a restart");
    rig.remove(&spec).await;
}

/// A tail has the last lines only.
pub async fn tails_have_the_last_lines(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.line("seq 1 50");
    rig.start(&spec).await;
    rig.reaches(&spec.name, ContainerStatus::Exited).await;
    assert_eq!(rig.log(&spec.name, Some(3)).await.0, "48\n49\n50\n", "the last three lines");
    let all = (1..=50).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
    assert_eq!(rig.log(&spec.name, Some(500)).await.0.trim(), all, "no more than there are");
    assert_eq!(rig.log(&spec.name, Some(0)).await.0, "", "none");
    rig.remove(&spec).await;
}

/// A followed log brings what is written when it is written, and ends with the container.
pub async fn followed_logs_end_with_the_container(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.line("trap 'echo last; exit 0' TERM; echo first; while true; do sleep 0.1; done");
    rig.start(&spec).await;
    let options = LogOptions { tail: None, follow: true };
    let mut log = works("logs", server.container_logs(&spec.name, options).await);
    let first = timeout(PATIENCE, log.next()).await.expect("what is written comes").expect("the log goes on");
    assert_eq!(works("reading a log", first).bytes, "first\n", "what is written comes");
    assert!(timeout(Duration::from_millis(300), log.next()).await.is_err(), "a followed log waits for more");
    works("stop", server.stop_container(&spec.name, subject.fleet, Duration::from_secs(20)).await);
    assert_eq!(read(log).await.0, "last\n", "a followed log has the last words and ends");
    rig.remove(&spec).await;
}
