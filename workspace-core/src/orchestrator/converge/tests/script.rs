//! One thing that happens at one step, once the script is set.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::id::WorkspaceId;
use crate::orchestrator::Injector;
use crate::signal::Signal;

/// When it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Nothing was done yet.
    Before,
    /// Everything was done, and nothing recorded.
    After,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It fails, this often.
    Fail { kind: ErrorKind, times: u32 },
    /// The step is run once more.
    Repeat,
    /// It stands still, until it is let go or its master ends.
    Hold,
}

/// What an orchestrator is given to stumble over.
#[derive(Debug, Default)]
pub(super) struct Script {
    plan: Mutex<Option<(&'static str, Moment, Act)>>,
    met: Signal,
    gone_on: Signal,
}

impl Script {
    pub(super) fn set(&self, step: &'static str, moment: Moment, act: Act) {
        *self.plan() = Some((step, moment, act));
    }

    pub(super) fn let_go(&self) {
        *self.plan() = None;
        self.gone_on.raise();
    }

    pub(super) fn was_met(&self) -> bool {
        self.met.is_raised()
    }

    pub(super) async fn met(&self) {
        self.met.raised().await;
    }

    fn plan(&self) -> MutexGuard<'_, Option<(&'static str, Moment, Act)>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens now, once more.
    fn next(&self, step: &'static str, moment: Moment) -> Option<Act> {
        let mut plan = self.plan();
        let (_, _, act) = plan.as_mut().filter(|(at, when, _)| (*at, *when) == (step, moment))?;
        let now = *act;
        if let Act::Fail { times, .. } = act {
            *times = times.checked_sub(1)?;
        }
        Some(now)
    }

    async fn happens(&self, step: &'static str, moment: Moment) -> Result<()> {
        match self.next(step, moment) {
            Some(Act::Fail { kind, .. }) => {
                self.met.raise();
                Err(Error::new(kind, "injected"))
            }
            Some(Act::Hold) => {
                let mut gone_on = self.gone_on.listen();
                self.met.raise();
                gone_on.heard().await;
                Ok(())
            }
            Some(Act::Repeat) | None => Ok(()),
        }
    }
}

#[async_trait]
impl Injector for Script {
    async fn before(&self, _: WorkspaceId, step: &'static str) -> Result<()> {
        self.happens(step, Moment::Before).await
    }

    fn repeats(&self, _: WorkspaceId, step: &'static str) -> bool {
        let repeats = matches!(*self.plan(), Some((at, _, Act::Repeat)) if at == step);
        if repeats {
            self.met.raise();
        }
        repeats
    }

    async fn after(&self, _: WorkspaceId, step: &'static str) -> Result<()> {
        self.happens(step, Moment::After).await
    }
}
