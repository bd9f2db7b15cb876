//! The log of a simulated container.

use futures::StreamExt;
use futures::stream;

use crate::error::{Error, ErrorKind, Result};
use crate::port::{LogChunk, LogOptions, LogStream};
use crate::testing::sim::wire::Wire;

/// The log from its tail on, and with `follow` until the container ends.
pub(super) fn stream(wire: Wire, name: String, options: LogOptions) -> LogStream {
    let skipped = wire.world().look(wire.server(), |machine| {
        let lines = machine.containers.get(&name).map_or(0, |container| container.log.len());
        options.tail.map_or(0, |tail| lines.saturating_sub(tail as usize))
    });
    let changes = wire.world().changes();
    let state = (wire, name, changes, skipped.unwrap_or(0));
    stream::try_unfold(state, move |(wire, name, mut changes, seen)| async move {
        loop {
            changes.mark_heard();
            let (chunk, running) = next(&wire, &name, seen)?;
            if let Some(chunk) = chunk {
                return Ok(Some((chunk, (wire, name, changes, seen + 1))));
            }
            if !(options.follow && running) {
                return Ok(None);
            }
            changes.heard().await;
        }
    })
    .boxed()
}

fn next(wire: &Wire, name: &str, seen: usize) -> Result<(Option<LogChunk>, bool)> {
    let found = wire.world().look(wire.server(), |machine| {
        let container = machine.containers.get(name).filter(|_| machine.up);
        container.map_or((None, false), |container| (container.log.get(seen).cloned(), container.is_running()))
    });
    found.ok_or_else(|| Error::new(ErrorKind::Unreachable, "the server is gone"))
}
