//! The snapshots that there are.

use workspace_core::clock::Timestamp;
use workspace_core::error::{Error, Result};
use workspace_core::port::Version;

use crate::format::SnapshotName;
use crate::objects::{Objects, no_such_snapshot};
use crate::read::fetch_snapshot;

/// The named version, or the newest.
pub(crate) async fn choose(objects: &Objects, version: Option<&str>) -> Result<SnapshotName> {
    match version {
        Some(version) => parse(version),
        None => objects.snapshots().await?.first().copied().ok_or_else(|| no_such_snapshot(None)),
    }
}

/// Reads a version's name.
pub(crate) fn parse(version: &str) -> Result<SnapshotName> {
    version.parse().map_err(|error| {
        Error::invalid("version", "this is no name of a snapshot")
            .hint("list the versions that there are")
            .source(error)
    })
}

/// All versions, newest first. One that cannot be read is listed without its message: its name tells when it was made.
pub(crate) async fn versions(objects: &Objects, limit: u32) -> Result<Vec<Version>> {
    let mut versions = Vec::new();
    for name in objects.snapshots().await?.into_iter().take(limit as usize) {
        let version = name.to_string();
        versions.push(match fetch_snapshot(objects, name).await {
            Ok((snapshot, _)) => {
                Version { version, at: Timestamp::from_micros(snapshot.created_at), message: snapshot.message }
            }
            Err(error) => {
                tracing::warn!(version, error = error.chain(), "a snapshot cannot be read");
                Version { version, at: made_at(name), message: String::new() }
            }
        });
    }
    Ok(versions)
}

/// When the id was made: a `UUIDv7` begins with milliseconds.
fn made_at(name: SnapshotName) -> Timestamp {
    let millis = name.id.as_uuid().as_u128() >> 80;
    Timestamp::from_micros(i64::try_from(millis).unwrap_or_default().saturating_mul(1_000))
}
