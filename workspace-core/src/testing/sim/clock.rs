//! The time of day of a simulated world.

use tokio::time::Instant;

use crate::clock::{Clock, Timestamp};

/// The time of day, derived from tokio's clock: it stands still while that one is paused.
#[derive(Clone, Copy, Debug)]
pub struct SimClock {
    start: Instant,
    ahead_micros: i64,
}

impl SimClock {
    /// What the clock shows when it is made: 2026-11-21T12:00:00Z.
    const NOON: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);

    /// A clock that starts now. Make it inside of a tokio runtime.
    pub fn start() -> Self {
        Self { start: Instant::now(), ahead_micros: 0 }
    }

    /// The same clock, ahead by so many microseconds, or behind.
    #[must_use]
    pub const fn ahead(self, micros: i64) -> Self {
        Self { ahead_micros: micros, ..self }
    }

    /// How long it has been running.
    pub fn elapsed(&self) -> std::time::Duration {
        self.start.elapsed()
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(Self::NOON.plus(self.elapsed()).as_micros() + self.ahead_micros)
    }
}
