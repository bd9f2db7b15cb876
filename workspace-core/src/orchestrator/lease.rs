//! This master's right to act.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Fence, Lease};
use crate::orchestrator::Core;
use crate::placement::Part;
use crate::signal::Signal;

/// The lease that this master holds.
#[derive(Debug)]
pub(super) struct LeaseKeeper {
    fence: Fence,
    held: Mutex<Held>,
    renewed: Signal,
}

#[derive(Debug)]
struct Held {
    /// `None` once the lease is lost for good.
    until: Option<Instant>,
    term: Term,
    part: Part,
}

/// One stretch of time through which the lease was held without a break. In a break others may have taken over what
/// we drive: what was begun in one term must not go on in the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term(u64);

impl LeaseKeeper {
    /// Keeps a lease that was asked for at `asked`: what is left is counted from before the request.
    pub(super) fn new(lease: &Lease, asked: Instant) -> Self {
        let held = Held { until: None, term: Term(0), part: Part::WHOLE };
        let keeper = Self { fence: lease.fence.clone(), held: Mutex::new(held), renewed: Signal::default() };
        keeper.take(lease, asked);
        keeper
    }

    /// What every write carries.
    pub(super) const fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Waits until the lease outlives a call that may take this long.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] when the lease is lost.
    pub(super) async fn outlive(&self, call: Duration) -> Result<()> {
        let mut renewed = self.renewed.listen();
        loop {
            match self.held().until {
                None => return Err(lost()),
                Some(until) if until > Instant::now() + call => return Ok(()),
                Some(_) => {}
            }
            renewed.heard().await;
        }
    }

    /// The term that goes on. Take it before reading what is acted on.
    pub(super) fn term(&self) -> Term {
        self.held().term
    }

    /// Ends when the term did.
    pub(super) async fn broken(&self, term: Term) {
        let mut renewed = self.renewed.listen();
        while self.term() == term {
            renewed.heard().await;
        }
    }

    /// This master's part of the servers, by the masters that there were when the lease was given.
    pub(super) fn part(&self) -> Part {
        self.held().part
    }

    fn take(&self, lease: &Lease, asked: Instant) {
        self.held().part = Part::among(&lease.fence.master, &lease.masters);
        self.set(Some(asked + lease.until.since(lease.store_now)));
    }

    fn set(&self, until: Option<Instant>) {
        {
            let mut held = self.held();
            if held.until.is_none_or(|until| until <= Instant::now()) {
                held.term.0 += 1;
            }
            held.until = until;
        }
        self.renewed.raise();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Fenced, "this master's lease was taken over")
        .hint("give every running master a name of its own, or stop this one")
}

/// Renews the lease until it is lost or the fleet shuts down.
pub(super) async fn keep(core: std::sync::Arc<Core>) {
    let mut pause = tokio::time::interval(core.config.lease_ttl / 6);
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pause.tick().await;
        let asked = Instant::now();
        match core.store.renew_lease(core.lease.fence(), core.config.lease_ttl).await {
            Ok(Some(lease)) => core.lease.take(&lease, asked),
            Ok(None) => {
                tracing::error!(fence = ?core.lease.fence(), "lease was taken over: this master stops acting");
                core.lease.set(None);
                return;
            }
            Err(error) => tracing::warn!(error = error.chain(), "lease not renewed; trying again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::sleep;

    use super::*;
    use crate::id::MasterId;
    use crate::memory::MemoryStore;
    use crate::orchestrator::test_fleet::{master_of, world_of};
    use crate::port::StateStore;

    #[tokio::test(start_paused = true)]
    async fn masters_share_the_servers_among_those_that_live() {
        let world = world_of(["one"]);
        let store: Arc<dyn StateStore> = Arc::new(MemoryStore::new(world.environment()));
        let part = |of: &[&str], name| {
            Part::among(&MasterId::new(name), &of.iter().map(|&name| MasterId::new(name)).collect::<Vec<_>>())
        };
        let first = master_of(&world, &store, "first").await;
        assert_eq!(first.core.lease.part(), Part::WHOLE);
        let other = master_of(&world, &store, "other").await;
        assert_eq!(other.core.lease.part(), part(&["first", "other"], "other"));
        let renewal = first.core.config.lease_ttl / 6;
        sleep(renewal * 2).await;
        assert_eq!(first.core.lease.part(), part(&["first", "other"], "first"));
        other.shutdown().await;
        sleep(renewal * 2).await;
        assert_eq!(first.core.lease.part(), Part::WHOLE, "it gave its lease back");
        first.shutdown().await;
    }
}
