//! What the outside world gives a fleet besides its ports: time, randomness and, made of both, ids.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::clock::{Clock, SystemClock, Timestamp};

/// Where randomness comes from.
pub trait Entropy: fmt::Debug + Send + Sync + 'static {
    /// Fills the whole buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator, fit for secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness neither tokens nor ids are safe: there is nothing sensible to go on with.
        #[expect(clippy::expect_used, reason = "a machine that gives no randomness cannot run a fleet")]
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}

/// A repeatable generator for tests and the simulator (SplitMix64, Steele et al. 2014). Never for secrets.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// The same seed gives the same bytes.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
            chunk.copy_from_slice(&mix(state).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// The finalizer of SplitMix64: spreads neighbouring numbers over the whole range.
pub(crate) const fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Time and randomness of one fleet. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Environment {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Environment {
    /// The real world.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
    }

    /// A world of one's own, for tests and the simulator.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new UUIDv7 of this moment; wrap it with the `from_uuid` of the id's type.
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_unix_timestamp_millis(self.now().as_unix_millis(), &self.bytes()).into_uuid()
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A random number.
    pub fn number(&self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::system()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_seeds_repeat() {
        #[derive(Debug)]
        struct Ticking(AtomicU64);
        impl Clock for Ticking {
            fn now(&self) -> Timestamp {
                Timestamp::from_micros(self.0.fetch_add(1_000_000, Ordering::Relaxed).cast_signed())
            }
        }
        let world = |seed| {
            let env = Environment::new(Arc::new(Ticking(AtomicU64::new(0))), Arc::new(SeededEntropy::new(seed)));
            (0..50).map(|_| env.uuid()).collect::<Vec<_>>()
        };
        let ids = world(1);
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ids, world(1));
        assert_ne!(ids, world(2));
    }
}
