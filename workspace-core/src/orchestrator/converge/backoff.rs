//! How long to wait before trying again.

use std::time::Duration;

use crate::environment::Environment;

/// Doubling pauses with full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015).
#[derive(Debug, Default)]
pub(in crate::orchestrator) struct Backoff {
    attempts: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(15);

    /// The next pause.
    pub(in crate::orchestrator) fn next(&mut self, env: &Environment) -> Duration {
        let most = Self::FIRST.saturating_mul(1 << self.attempts.min(16)).min(Self::LONGEST);
        self.attempts += 1;
        let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
        most / 10 + Duration::from_micros(env.number() % micros)
    }
}
