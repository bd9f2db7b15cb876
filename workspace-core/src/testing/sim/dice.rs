//! Decisions by seed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::environment::mix;

/// Repeatable chance: the same seed and the same questions in the same order give the same answers.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// Dice of a seed; neighbouring seeds have nothing in common.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(mix(seed.wrapping_add(0x5EED))))
    }

    /// Dice of their own: what is asked of them changes nothing here.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::new(self.number())
    }

    /// Any number.
    pub fn number(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        mix(self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP))
    }

    /// A number below `limit`; 0 when that is 0.
    pub fn below(&self, limit: u64) -> u64 {
        self.number().checked_rem(limit).unwrap_or(0)
    }

    /// True this often in a thousand.
    pub fn chance(&self, per_mille: u32) -> bool {
        self.below(1_000) < u64::from(per_mille)
    }

    /// One of these.
    pub fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        let index = self.below(of.len() as u64);
        of.get(usize::try_from(index).unwrap_or(0))
    }

    /// A time between these, in whole milliseconds: tokio's clock knows nothing smaller.
    pub fn between(&self, least: Duration, most: Duration) -> Duration {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let span = millis(most).saturating_sub(millis(least));
        least + Duration::from_millis(self.below(span.saturating_add(1)))
    }
}
