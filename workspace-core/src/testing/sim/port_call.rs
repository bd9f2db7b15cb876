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
    VolumeIsEmpty,
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
    /// Every call, as a table has them.
    pub const ALL: [Self; 30] = [
        Self::Probe,
        Self::HasImage,
        Self::PullImage,
        Self::LoadImage,
        Self::CreateNetwork,
        Self::RemoveNetwork,
        Self::ListNetworks,
        Self::CreateContainer,
        Self::StartContainer,
        Self::StopContainer,
        Self::RemoveContainer,
        Self::InspectContainer,
        Self::ListContainers,
        Self::ContainerLogs,
        Self::ContainerStats,
        Self::CreateVolume,
        Self::InspectVolume,
        Self::RemoveVolume,
        Self::ListVolumes,
        Self::VolumeUsage,
        Self::VolumeIsEmpty,
        Self::OpenChannel,
        Self::Exec,
        Self::ReadFile,
        Self::WriteFile,
        Self::ListFiles,
        Self::DeleteFile,
        Self::Commit,
        Self::Lease,
        Self::Query,
    ];

    /// Whether the store answers it, and not a server.
    pub(super) const fn is_of_store(self) -> bool {
        matches!(self, Self::Commit | Self::Lease | Self::Query)
    }

    /// Whether it needs room on the server's disk.
    pub(super) const fn takes_disk(self) -> bool {
        matches!(
            self,
            Self::PullImage
                | Self::LoadImage
                | Self::CreateNetwork
                | Self::CreateContainer
                | Self::StartContainer
                | Self::CreateVolume
                | Self::WriteFile
        )
    }

    /// Whether it makes something that has a name.
    pub(super) const fn makes(self) -> bool {
        matches!(self, Self::CreateNetwork | Self::CreateContainer | Self::CreateVolume)
    }

    /// Whether its answer has a time of the server's clock.
    pub(super) const fn tells_time(self) -> bool {
        matches!(self, Self::Probe | Self::InspectContainer | Self::ListContainers)
    }

    /// How much more often something strikes at one of these calls than at those that are made again and again,
    /// whatever happens: what is rarely called would hardly ever be struck.
    pub(super) const fn weight(self) -> u64 {
        match self {
            Self::Probe | Self::InspectContainer | Self::ListContainers | Self::Commit | Self::Lease | Self::Query => 1,
            Self::ListNetworks | Self::ListVolumes => 4,
            Self::VolumeIsEmpty
            | Self::Exec
            | Self::ReadFile
            | Self::WriteFile
            | Self::ListFiles
            | Self::DeleteFile => 200,
            _ => 40,
        }
    }

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
