//! This master's right to act.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Fence, Lease};
use crate::orchestrator::Core;
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
}

/// One stretch of time through which the lease was held without a break. In a break others may have taken over what
/// we drive: what was begun in one term must not go on in the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term(u64);

impl LeaseKeeper {
    /// Keeps a lease that was asked for at `asked`: what is left is counted from before the request.
    pub(super) fn new(lease: &Lease, asked: Instant) -> Self {
        let held = Held { until: Some(asked + lease.until.since(lease.store_now)), term: Term(1) };
        Self { fence: lease.fence.clone(), held: Mutex::new(held), renewed: Signal::default() }
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
            Ok(Some(lease)) => core.lease.set(Some(asked + lease.until.since(lease.store_now))),
            Ok(None) => {
                tracing::error!(fence = ?core.lease.fence(), "lease was taken over: this master stops acting");
                core.lease.set(None);
                return;
            }
            Err(error) => tracing::warn!(error = error.chain(), "lease not renewed; trying again"),
        }
    }
}
