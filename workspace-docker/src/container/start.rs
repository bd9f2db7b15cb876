//! Starting and stopping a container.

use std::time::Duration;

use bollard::container::AttachContainerResults;
use bollard::query_parameters::{AttachContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder};
use bytes::Bytes;
use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use workspace_core::error::Result;
use workspace_core::id::FleetId;

use crate::call::Call;
use crate::container::state;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::{labels, networks};

/// How long is waited for an Engine to say that it took the input; it does at once, or not before the program's end.
const TAKEN: Duration = Duration::from_secs(1);

/// Starts the container that `reference` means, which is its id or its name; one that runs is started already, and
/// gets the input all the same: the attempt that started it may have been cut before it wrote.
pub(crate) async fn start(engine: &Engine, name: &str, reference: &str, input: Option<Bytes>) -> Result<()> {
    let what = || format!("start container {name}");
    let has_input = input.is_some();
    let mut started = go(engine, reference, has_input).await;
    if started.as_ref().is_err_and(|failure| failure.says("is ambiguous")) {
        settle_networks(engine, name).await?;
        started = go(engine, reference, has_input).await;
    }
    let attached = started.map_err(|failure| engine.error(failure, what()))?;
    if let (Some(attached), Some(input)) = (attached, input) {
        let written = async { feed(attached, &input).await.map_err(bollard::errors::Error::from) };
        // Part of the attach call as far as an observer is concerned.
        let limit = Call::ContainerAttach.deadline();
        let outcome = match tokio::time::timeout(limit, written).await {
            Ok(outcome) => outcome.map_err(Failure::from),
            Err(_) => Err(Failure::Late(limit)),
        };
        outcome.map_err(|failure| engine.error(failure, format!("write to container {name}")))?;
    }
    Ok(())
}

/// Attaches for input and starts. A start that fails ends what was attached before it: each has its own.
async fn go(engine: &Engine, name: &str, has_input: bool) -> Result<Option<AttachContainerResults>, Failure> {
    let attached = if has_input { Some(attach(engine, name).await?) } else { None };
    let started = engine.docker().start_container(name, None::<StartContainerOptions>);
    engine.call(Call::ContainerStart, started).await?;
    Ok(attached)
}

/// Leaves one network of each name that a container of ours is to be in.
async fn settle_networks(engine: &Engine, name: &str) -> Result<()> {
    let Some(found) = state::find(engine, name).await? else { return Ok(()) };
    let Some(labels) = found.labels else { return Ok(()) };
    for network in &found.networks {
        networks::settle(engine, network, labels.fleet).await?;
    }
    Ok(())
}

async fn attach(engine: &Engine, name: &str) -> Result<AttachContainerResults, Failure> {
    let options = AttachContainerOptionsBuilder::new().stream(true).stdin(true).build();
    engine.call(Call::ContainerAttach, engine.docker().attach_container(name, Some(options))).await
}

/// Writes everything, closes, and waits until the Engine has taken it: it ends its side after the last byte, unless it
/// came to the attach call only after the start. Then it does so when the program ends (moby, `daemon/attach.go`: what
/// closes stdin after its last byte waits until the container does not run), which nobody is to wait for.
async fn feed(mut attached: AttachContainerResults, input: &[u8]) -> std::io::Result<()> {
    attached.input.write_all(input).await?;
    attached.input.shutdown().await?;
    let taken = async { while let Some(Ok(_)) = attached.output.next().await {} };
    // What it has not taken by then is on its way: the connection was closed after the last byte.
    let _ = tokio::time::timeout(TAKEN, taken).await;
    Ok(())
}

/// Asks the program to end and ends it after the grace; one that does not run, or does not exist, is stopped already.
pub(crate) async fn stop(engine: &Engine, name: &str, fleet: FleetId, grace: Duration) -> Result<()> {
    let Some(found) = state::find(engine, name).await? else { return Ok(()) };
    labels::ours(&format!("container {name}"), found.labels.as_ref(), fleet)?;
    let seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
    let options = StopContainerOptionsBuilder::new().t(seconds).build();
    let deadline = grace + Call::ContainerStop.deadline();
    // By id: the name may be given anew meanwhile.
    let stopped = engine.docker().stop_container(&found.id, Some(options));
    match engine.call_within(Call::ContainerStop, deadline, stopped).await {
        Err(failure) if !failure.is_status(404) => Err(engine.error(failure, format!("stop container {name}"))),
        _ => Ok(()),
    }
}
