//! A master that stands still.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::signal::Signal;
use crate::testing::sim::wire::LOOK_AGAIN;
use crate::testing::sim::{Fault, PortCall, World};

/// Holds up everything that a master asks for, and every answer to it, as if its process stood still or had ended.
#[derive(Debug, Default)]
pub struct Gate {
    closed_until: Mutex<Option<Instant>>,
    fallen: Signal,
    ending: Signal,
}

impl Gate {
    /// Nothing passes for a while.
    pub fn close_for(&self, how_long: Duration) {
        *self.lock() = Some(Instant::now() + how_long);
    }

    /// Everything passes again.
    pub fn open(&self) {
        *self.lock() = None;
    }

    /// The master ends at the call that it makes: neither this nor any later one comes back.
    async fn fall(&self) {
        self.fallen.raise();
        std::future::pending::<()>().await;
    }

    /// What strikes the master at this call; everything else is none of the master's business.
    pub(super) async fn struck(&self, world: &World, call: PortCall, strike: Option<Fault>) {
        match strike {
            Some(Fault::Killed) => {
                world.journal.fault(Fault::Killed, Some(call));
                self.fall().await;
            }
            Some(Fault::Paused) if !self.ending.is_raised() => {
                self.close_for(world.dice.between(Duration::from_secs(1), Duration::from_secs(200)));
            }
            _ => {}
        }
    }

    /// The master is being shut down, in order and without standing still.
    pub(super) fn end(&self) {
        self.ending.raise();
        self.open();
    }

    /// Ends when the master has fallen.
    pub(super) async fn fallen(&self) {
        self.fallen.raised().await;
    }

    /// Waits until something may pass, and tells whether it had to wait.
    pub(super) async fn pass(&self) -> bool {
        if self.fallen.is_raised() {
            std::future::pending::<()>().await;
        }
        let mut waited = false;
        loop {
            let until = *self.lock();
            match until {
                Some(until) if until > Instant::now() => sleep_until(until.min(Instant::now() + LOOK_AGAIN)).await,
                _ => return waited,
            }
            waited = true;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.closed_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
