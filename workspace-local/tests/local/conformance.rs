//! The suites of the ports on local servers.

use std::sync::Arc;

use workspace_core::port::{Channel, ImageRef, ServerPool};
use workspace_core::testing::conformance;
use workspace_local::LocalPool;

use crate::common::{connect, container, fleet, record};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server() {
    let pool = LocalPool::temporary().unwrap();
    let subject = conformance::server::Subject::new(fleet(), ImageRef::new("workspace-base"));
    conformance::server::run_all(&pool, &record(pool.spec("local-1")), &subject).await;
    let server = pool.connect(&record(pool.spec("local-1")), subject.fleet).await.unwrap();
    assert_eq!(server.list_containers(subject.fleet).await.unwrap(), [], "the rules leave nothing behind");
}

#[tokio::test]
async fn volume_store() {
    let pool = LocalPool::temporary().unwrap();
    let fleet = fleet();
    let server = connect(&pool, fleet).await;
    conformance::volume_store::run_all(server.volumes(), fleet).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channel() {
    let pool = LocalPool::temporary().unwrap();
    let fleet = fleet();
    let server = connect(&pool, fleet).await;
    // An idle container: a command is not needed.
    server.create_container(&container(fleet, "ws-1", &[])).await.unwrap();
    server.start_container("ws-1", None).await.unwrap();
    let open = async || -> Arc<dyn Channel> { server.open_channel("ws-1").await.unwrap() };
    conformance::channel::run_all(open).await;
}

#[tokio::test]
async fn channel_on_one_thread() {
    let pool = LocalPool::temporary().unwrap();
    let fleet = fleet();
    let server = connect(&pool, fleet).await;
    server.create_container(&container(fleet, "ws-1", &[])).await.unwrap();
    server.start_container("ws-1", None).await.unwrap();
    let open = async || -> Arc<dyn Channel> { server.open_channel("ws-1").await.unwrap() };
    conformance::channel::run_exec(open).await;
}
