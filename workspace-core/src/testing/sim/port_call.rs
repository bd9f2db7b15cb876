//! Every call of a port that the simulator sees: the steps that it counts.

use std::time::Duration;

/// A call of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is named after the port's method")]
pub enum PortCall {
    Probe,
    HasImage,
    PullImage,
    LoadImage,
    CreateNetwork,
    RemoveNetwork,
    ListNetworks,
    CreateContainer,
    StartContainer,
    StopContainer,
    RemoveContainer,
    InspectContainer,
    ListContainers,
    ContainerLogs,
    ContainerStats,
    CreateVolume,
    InspectVolume,
    RemoveVolume,
    ListVolumes,
    VolumeUsage,
    OpenChannel,
    Exec,
    ReadFile,
    WriteFile,
    ListFiles,
    DeleteFile,
    Commit,
    Lease,
    Query,
}

impl PortCall {
    /// Whether it only looks.
    pub(super) const fn only_looks(self) -> bool {
        matches!(self, Self::Probe | Self::ListContainers | Self::ListNetworks | Self::ListVolumes | Self::HasImage)
    }

    /// How long a caller waits for a server's answer: the deadlines of the Docker backend. A stop waits for its grace
    /// besides.
    pub(super) const fn deadline(self) -> Duration {
        Duration::from_secs(match self {
            Self::Probe => 3,
            Self::HasImage
            | Self::ListNetworks
            | Self::StopContainer
            | Self::InspectContainer
            | Self::ListContainers
            | Self::ContainerLogs
            | Self::ContainerStats
            | Self::InspectVolume
            | Self::ListVolumes => 10,
            _ => 60,
        })
    }
}
