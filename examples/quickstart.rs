//! The first program: a fleet that needs no service. Its server is a directory, its container a child process.

use std::error::Error;
use std::time::Duration;

use workspace_fleet::{Caller, ExecRequest, LocalPool, NewWorkspace, Orchestrator, Registration};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (me, admin, soon) = (Caller::owner("me"), Caller::admin(), Duration::from_secs(30));
    let pool = LocalPool::temporary()?;
    let server = pool.spec("local-1");
    let fleet = Orchestrator::builder(pool).start().await?;
    fleet.register_server(&admin, server, Registration::MustAnswer, None).await?;
    let hello = fleet.create_workspace(&me, NewWorkspace::new("hello", "workspace-base"), None).await?;
    fleet.wait(&me, hello.id, soon).await?;
    let output = fleet.exec(&me, hello.id, ExecRequest::new(["echo", "hi"])).await?;
    assert_eq!(output.stdout, b"hi\n");
    fleet.delete_workspace(&me, hello.id, None).await?;
    fleet.wait(&me, hello.id, soon).await?;
    fleet.shutdown().await;
    Ok(())
}
