//! Channels into running containers.

mod exec;
mod plain;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bollard::container::LogOutput;
use bollard::models::ExecConfig;
use futures::{StreamExt, future};
use tokio_util::io::StreamReader;
use workspace_core::channel::ChannelClient;
use workspace_core::error::Result;
use workspace_core::port::{Channel, ContainerStatus};

use crate::container;
use crate::engine::Engine;
use crate::server::not_running;
use plain::PlainChannel;

/// Opens a channel: through the worker where there is one, else by a plain `docker exec` for each program.
pub(crate) async fn open(engine: &Engine, container: &str, worker: bool) -> Result<Arc<dyn Channel>> {
    if worker {
        return Ok(Arc::new(to_worker(engine, container).await?));
    }
    let found = container::inspect(engine, container, Ipv4Addr::UNSPECIFIED.into()).await?;
    match found.map(|found| found.status) {
        Some(ContainerStatus::Running) => Ok(Arc::new(PlainChannel::new(engine.clone(), container))),
        _ => Err(not_running(container)),
    }
}

/// Starts the worker in the container and talks to it over its stdin and stdout: two calls.
async fn to_worker(engine: &Engine, container: &str) -> Result<ChannelClient> {
    let config = ExecConfig {
        cmd: Some(vec![format!("{}/worker", container::WORKER_PATH), "channel".to_owned()]),
        attach_stdin: Some(true),
        ..ExecConfig::default()
    };
    let attached = exec::start(engine, container, config).await?;
    let name = container.to_owned();
    let frames = attached.output.filter_map(move |output| {
        future::ready(match output {
            Ok(LogOutput::StdErr { message }) => {
                tracing::debug!(container = name, said = %String::from_utf8_lossy(&message), "the worker");
                None
            }
            Ok(output) => Some(Ok(output.into_bytes())),
            Err(error) => Some(Err(io::Error::other(error))),
        })
    });
    ChannelClient::open(StreamReader::new(frames), attached.input).await
}
