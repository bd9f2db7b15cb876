//! Rules of ends: nothing lives on that should not, and nothing is ended that should not be.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::Instant;

use super::rig::{all_dead, folder, run, shell, told, until};
use crate::port::{Channel, ExecEnd, ExecRequest};

/// Starts a child, a grandchild in a session of its own whose parent is gone, and waits; each writes its pid.
fn family(folder: &str) -> ExecRequest {
    shell(format!(
        "mkdir -p {folder}; (setsid sh -c 'echo $$ >> {folder}/pids; touch {folder}/apart; exec sleep 300' &) ; \
         sleep 300 & echo $! >> {folder}/pids; echo $$ >> {folder}/pids; \
         while [ ! -e {folder}/apart ]; do sleep 0.02; done; touch {folder}/ready; echo ready; wait"
    ))
}

/// At the time limit everything that the program started is ended, also what cut itself off.
pub async fn the_time_limit_ends_the_whole_tree(channel: &dyn Channel) {
    let folder = folder();
    let mut request = family(&folder);
    request.timeout = Duration::from_secs(2);
    let done = run(channel, request).await;
    assert_eq!((done.end, done.stdout.as_str()), (ExecEnd::TimeLimit, "ready\n"), "the time limit is kept");
    assert_eq!(told(channel, format!("wc -l < {folder}/pids")).await, "3", "the program started its family");
    let rule = "the time limit ends the whole tree";
    assert_eq!(run(channel, shell(all_dead(&format!("{folder}/pids")))).await.end, ExecEnd::Exited(0), "{rule}");
}

/// Dropping the stream ends the program with everything that it started.
pub async fn a_dropped_stream_ends_the_whole_tree(channel: &dyn Channel) {
    let folder = folder();
    let mut stream = channel.exec(family(&folder)).await.expect("the program starts");
    assert!(stream.next().await.is_some(), "the program says that it is ready");
    drop(stream);
    let rule = "a dropped stream ends the whole tree";
    until(channel, rule, &all_dead(&format!("{folder}/pids"))).await;
    assert!(channel.is_open(), "the channel goes on");
}

/// A program that ends by itself leaves what it started in the background alone, and its end does not wait for it.
pub async fn background_programs_outlive_their_starter(channel: &dyn Channel) {
    let folder = folder();
    let beats = format!("while sleep 0.05; do echo beat; echo x >> {folder}/beats; done");
    let line = format!("mkdir {folder}; ({beats}) & echo $! > {folder}/pid");
    let started = Instant::now();
    let done = run(channel, shell(line)).await;
    assert_eq!(done.end, ExecEnd::Exited(0), "the program ends: {}", done.stderr);
    assert!(started.elapsed() < Duration::from_secs(30), "its end does not wait for what it left behind");
    until(channel, "background programs live on", &format!("[ $(wc -l < {folder}/beats) -gt 5 ]")).await;
    told(channel, format!("kill $(cat {folder}/pid)")).await;
}

/// Dropping a channel with all of its streams ends everything that it runs; another channel sees it.
pub async fn a_dropped_channel_ends_what_runs(channel: Arc<dyn Channel>, witness: &dyn Channel) {
    let folder = folder();
    let mut streams = Vec::new();
    for number in 0..5 {
        let mut stream = channel.exec(family(&format!("{folder}/{number}"))).await.expect("the program starts");
        assert!(stream.next().await.is_some(), "the program says that it is ready");
        streams.push(stream);
    }
    drop(channel);
    drop(streams);
    let pids = format!("{folder}/pids");
    let line = format!("cat {folder}/*/pids > {pids}; {}", all_dead(&pids));
    until(witness, "a dropped channel ends every tree", &line).await;
    assert_eq!(told(witness, format!("wc -l < {pids}")).await, "15", "every program started its family");
}
