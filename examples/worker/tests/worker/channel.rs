//! The suite of channels on a real worker.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use tokio::process::{Child, Command};
use workspace_fleet::channel::ChannelClient;
use workspace_fleet::port::Channel;
use workspace_fleet::testing::conformance;

/// A worker and the channel to it.
pub(crate) async fn worker(root: &Path) -> (Child, ChannelClient) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
        .arg("channel")
        .env("WORKSPACE_ROOT", root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (read, write) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let client = ChannelClient::open(read, write).await.unwrap();
    (child, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_keeps_every_rule() {
    let root = tempfile::tempdir().unwrap();
    let open = async || {
        // Each ends with its stdin.
        let (child, client) = worker(root.path()).await;
        drop(child);
        let client: Arc<dyn Channel> = Arc::new(client);
        client
    };
    conformance::channel::run_all(open).await;
}
