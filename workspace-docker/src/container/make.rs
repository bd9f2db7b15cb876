//! Making a container: the name is the mutex, so act first and look when somebody was there before.

use std::time::Duration;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateContainerOptionsBuilder;
use tokio::time::{Instant, sleep};
use workspace_core::error::Result;
use workspace_core::port::{Created, ObjectLabels};

use crate::call::Call;
use crate::container::find;
use crate::engine::Engine;
use crate::labels;

/// While another create of the same name goes on, the Engine knows the name but not yet the container.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A container that is there now.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// The Engine's id of it.
    pub(crate) id: String,
    /// Whether this call made it.
    pub(crate) created: Created,
}

/// Makes a container, or adopts the one of the same name and labels.
pub(crate) async fn make(
    engine: &Engine,
    name: &str,
    body: &ContainerCreateBody,
    wanted: &ObjectLabels,
) -> Result<Made> {
    let what = format!("create container {name}");
    let deadline = Instant::now() + Call::ContainerCreate.deadline();
    loop {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let failure = match engine
            .call(Call::ContainerCreate, engine.docker().create_container(Some(options), body.clone()))
            .await
        {
            Ok(made) => return Ok(Made { id: made.id, created: Created::New }),
            Err(failure) => failure,
        };
        let taken = failure.is_status(409);
        if !taken && !failure.may_have_happened() {
            return Err(engine.error(failure, what));
        }
        if let Some(found) = find(engine, name).await? {
            let created = labels::adopt(&format!("container {name}"), found.labels.as_ref(), wanted)?;
            return Ok(Made { id: found.id, created });
        }
        if !taken || Instant::now() >= deadline {
            return Err(engine.error(failure, what));
        }
        sleep(LOOK_AGAIN).await;
    }
}
