//! Removing a container, until it is gone.

use std::time::Duration;

use bollard::query_parameters::RemoveContainerOptionsBuilder;
use tokio::time::{Instant, sleep};
use workspace_core::error::Result;
use workspace_core::id::FleetId;

use crate::call::Call;
use crate::container::find;
use crate::engine::Engine;
use crate::labels;

/// How often to look whether somebody else's removal is done.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Removes a container of the fleet, running or not.
pub(crate) async fn remove(engine: &Engine, name: &str, fleet: FleetId) -> Result<()> {
    let Some(found) = find(engine, name).await? else { return Ok(()) };
    labels::ours(&format!("container {name}"), found.labels.as_ref(), fleet)?;
    // By id: the name may be given anew meanwhile.
    remove_id(engine, &found.id, name).await
}

/// Removes a container that is known to be ours, with its anonymous volumes.
pub(crate) async fn remove_id(engine: &Engine, id: &str, name: &str) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match engine.call(Call::ContainerRemove, engine.docker().remove_container(id, Some(options))).await {
        Ok(()) => Ok(()),
        Err(failure) if failure.is_status(404) => Ok(()),
        Err(failure) if failure.is_status(409) && failure.says("already in progress") => {
            let deadline = Instant::now() + Call::ContainerRemove.deadline();
            while find(engine, id).await?.is_some() {
                if Instant::now() >= deadline {
                    return Err(engine.error(failure, format!("remove container {name}")));
                }
                sleep(LOOK_AGAIN).await;
            }
            Ok(())
        }
        Err(failure) => Err(engine.error(failure, format!("remove container {name}"))),
    }
}
