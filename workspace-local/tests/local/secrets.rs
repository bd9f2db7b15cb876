//! Nothing of the master's own environment gets to a workspace.

use futures::StreamExt;
use workspace_core::port::{ExecEvent, ExecRequest};
use workspace_local::LocalPool;

use crate::common::{connect, container, fleet};

#[tokio::test]
async fn programs_do_not_inherit_our_environment() {
    let pool = LocalPool::temporary().unwrap();
    let fleet = fleet();
    let server = connect(&pool, fleet).await;
    let mut spec = container(fleet, "ws-1", &[]);
    spec.env.insert("GIVEN".to_owned(), "yes".to_owned());
    server.create_container(&spec).await.unwrap();
    server.start_container("ws-1", None).await.unwrap();
    let channel = server.open_channel("ws-1").await.unwrap();
    let mut stream = channel.exec(ExecRequest::new(["env"])).await.unwrap();
    let Some(Ok(ExecEvent::Stdout(bytes))) = stream.next().await else { panic!("env says something") };
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    // Cargo sets dozens of variables for a test: none of them is there.
    assert_eq!(names, ["GIVEN", "HOME", "PATH", "WORKSPACE_CONTAINER", "WORKSPACE_EXEC"]);
}
