//! A master that stands still.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Holds up everything that a master asks for, and every answer to it, as if its process stood still.
#[derive(Debug, Default)]
pub struct Gate(Mutex<Option<Instant>>);

impl Gate {
    /// Nothing passes for a while.
    pub fn close_for(&self, how_long: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + how_long);
    }

    /// Everything passes again.
    pub fn open(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Waits until something may pass, and tells whether it had to wait. What waits when it is opened early waits on.
    pub(super) async fn pass(&self) -> bool {
        let mut waited = false;
        loop {
            let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return waited,
            }
            waited = true;
        }
    }
}
