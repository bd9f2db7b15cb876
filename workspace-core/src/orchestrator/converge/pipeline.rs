//! Which steps lead to which intent.

use crate::model::{Desired, Intent, MoveCause, Status};

/// One step of a workspace's way. Its name is in events and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The volume of its project's copy is there.
    Volume,
    /// The volume was filled from the project's source.
    Filled,
    /// Its network is there.
    Network,
    /// The container of the generation before is gone.
    Superseded,
    /// Its container is there.
    Container,
    /// Its container was started.
    Started,
    /// Its container runs.
    Healthy,
    /// Its container does not run.
    Stopped,
    /// Its data is in object storage, where its project's policy wants that.
    Saved,
    /// Its data as it is now is in object storage: it is to be made anew on another server.
    Written,
    /// Its data is whole on another server.
    Moved,
    /// Nothing of it is on the server that it leaves.
    Left,
    /// Its containers are gone.
    ContainerRemoved,
    /// Its network is gone.
    NetworkRemoved,
    /// The volume of its unnamed project is gone.
    VolumeRemoved,
}

impl Step {
    /// The steps to what is wanted.
    pub(super) fn of(desired: &Desired) -> &'static [Self] {
        let way = desired.switch.and_then(|switch| switch.way());
        match way.map(|way| way.cause).filter(|_| desired.intent == Intent::Stopped) {
            Some(cause) => Self::leaving(cause),
            None if desired.forget => &[],
            None => Self::towards(desired.intent),
        }
    }

    /// The steps to another server.
    pub(super) const fn leaving(cause: MoveCause) -> &'static [Self] {
        match cause {
            MoveCause::Drain => &[Self::Stopped, Self::Written, Self::Moved, Self::Left],
            // The server that it leaves does not answer.
            MoveCause::Failover => &[Self::Moved],
        }
    }

    /// The steps to an intent.
    pub(super) const fn towards(intent: Intent) -> &'static [Self] {
        match intent {
            Intent::Running => &[
                Self::Volume,
                Self::Filled,
                Self::Network,
                Self::Superseded,
                Self::Container,
                Self::Started,
                Self::Healthy,
            ],
            Intent::Stopped => &[Self::Stopped, Self::Saved, Self::Left],
            Intent::Deleted => &[Self::ContainerRemoved, Self::NetworkRemoved, Self::VolumeRemoved],
        }
    }

    /// Whether the workspace may stay where it is when the step fails: nothing of it has left yet.
    pub(super) const fn may_be_given_up(self) -> bool {
        matches!(self, Self::Written | Self::Moved)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Filled => "filled",
            Self::Network => "network",
            Self::Superseded => "superseded",
            Self::Container => "container",
            Self::Started => "started",
            Self::Healthy => "healthy",
            Self::Stopped => "stopped",
            Self::Saved => "saved",
            Self::Written => "written",
            Self::Moved => "moved",
            Self::Left => "left",
            Self::ContainerRemoved => "container_removed",
            Self::NetworkRemoved => "network_removed",
            Self::VolumeRemoved => "volume_removed",
        }
    }

    /// What the workspace does during the step.
    pub(super) const fn status(self) -> Status {
        match self {
            Self::Volume
            | Self::Filled
            | Self::Network
            | Self::Superseded
            | Self::Container
            | Self::Started
            | Self::Healthy => Status::Starting,
            Self::Stopped | Self::Saved | Self::Written | Self::Left => Status::Stopping,
            Self::Moved => Status::Filling,
            Self::ContainerRemoved | Self::NetworkRemoved | Self::VolumeRemoved => Status::Deleting,
        }
    }
}
