//! The volumes of a server.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::FleetId;
use crate::port::{Created, ObjectLabels};

/// A volume to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSpec {
    /// Its name, unique on the server.
    pub name: String,
    /// Whose it is.
    pub labels: ObjectLabels,
}

/// A volume of ours on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSummary {
    /// Its name.
    pub name: String,
    /// Whose it is; `None` when the labels are of an unknown version.
    pub labels: Option<ObjectLabels>,
}

/// The volumes of one server.
///
/// # Contract
/// - A new volume's root belongs to 1000:1000, so that a workspace can write to it.
/// - `create_volume` answers `New` or `Adopted` only after it compared the labels of what is there: an engine may
///   answer "made" for a foreign volume of that name.
/// - `volume_is_empty` says so only after it read all of the root: what is empty may be removed.
/// - `remove_volume` removes only what carries the labels of this fleet; it refuses with
///   [`Conflict`](crate::error::ErrorKind::Conflict) while a container has the volume.
///
/// # Implementing
/// Run `workspace_core::testing::conformance::volume_store` against it.
///
/// # Backends differ in
/// | | Docker volumes | Docker bind directories | local |
/// |---|---|---|---|
/// | disk limit enforced | where the driver can | no | no |
/// | a new root belongs to | 1000:1000 | 1000:1000 | the master's user |
#[async_trait]
pub trait VolumeStore: Debug + Send + Sync {
    /// Makes a volume, or adopts the one with the same labels.
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<Created>;

    /// The volume; `None` when there is none.
    async fn inspect_volume(&self, name: &str) -> Result<Option<VolumeSummary>>;

    /// Removes a volume and its data; a missing one is removed already.
    async fn remove_volume(&self, name: &str, fleet: FleetId) -> Result<()>;

    /// Every volume with the fleet's label.
    async fn list_volumes(&self, fleet: FleetId) -> Result<Vec<VolumeSummary>>;

    /// How many bytes the volume holds.
    async fn volume_usage(&self, name: &str) -> Result<u64>;

    /// Whether there is nothing at all in the volume, not even an empty file. It looks no further than into its root,
    /// and takes as long for a large one.
    async fn volume_is_empty(&self, name: &str) -> Result<bool>;
}
