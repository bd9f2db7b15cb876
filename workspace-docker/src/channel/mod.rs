//! Channels into running containers.

mod exec;
mod plain;

use std::sync::Arc;

use workspace_core::error::Result;
use workspace_core::port::Channel;

use crate::engine::Engine;
use crate::server::not_running;
use plain::PlainChannel;

/// Opens a channel: through the worker where there is one.
pub(crate) async fn open(engine: &Engine, container: &str, _worker: bool) -> Result<Arc<dyn Channel>> {
    let found = crate::container::inspect(engine, container, std::net::Ipv4Addr::UNSPECIFIED.into()).await?;
    let running = found.is_some_and(|found| found.status == workspace_core::port::ContainerStatus::Running);
    if !running {
        return Err(not_running(container));
    }
    Ok(Arc::new(PlainChannel::new(engine.clone(), container)))
}
