//! The pipelines and where each begins.

use crate::model::{Intent, MoveCause, Status};
use crate::orchestrator::converge::pipeline::Step;
use crate::orchestrator::converge::tests::script::Moment;

/// A way through a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A new workspace starts.
    First,
    /// One that runs gets a new container.
    Again,
    /// One that runs is stopped.
    Stop,
    /// One that runs is deleted.
    Delete,
    /// One that runs leaves a server that is drained.
    Leave,
}

/// A moment of a step of a way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) way: Way,
    pub(super) step: &'static str,
    pub(super) moment: Moment,
}

impl Way {
    const ALL: [Self; 5] = [Self::First, Self::Again, Self::Stop, Self::Delete, Self::Leave];

    /// Where its steps lead while they run.
    pub(super) const fn intent(self) -> Intent {
        match self {
            Self::First | Self::Again => Intent::Running,
            Self::Stop | Self::Leave => Intent::Stopped,
            Self::Delete => Intent::Deleted,
        }
    }

    /// What its end is.
    pub(super) const fn goal(self) -> Status {
        match self {
            Self::First | Self::Again | Self::Leave => Status::Running,
            Self::Stop => Status::Stopped,
            Self::Delete => Status::Deleted,
        }
    }
}

/// Both moments of every step of every way.
pub(super) fn spots() -> impl Iterator<Item = Spot> {
    Way::ALL.into_iter().flat_map(|way| {
        let steps = match way {
            Way::Leave => Step::leaving(MoveCause::Drain),
            _ => Step::towards(way.intent()),
        };
        let steps = steps.iter().map(|step| step.name());
        steps.flat_map(move |step| [Moment::Before, Moment::After].map(|moment| Spot { way, step, moment }))
    })
}
