//! What goes through a relay: bytes, silence, and the first thing that went wrong.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use workspace_core::error::{Error, ErrorKind};

/// Counts and findings of one relay.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    bytes: AtomicU64,
    signs_of_life: AtomicU64,
    waiting: AtomicUsize,
    finding: Mutex<Option<Error>>,
}

impl Traffic {
    /// Bytes that went to and came from the remote, without TLS, ssh and HTTP framing.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.touch();
    }

    /// Says that work goes on, though no byte moves: packs are made and indexed while the line is open.
    pub(crate) fn touch(&self) {
        self.signs_of_life.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that something is expected of the remote, until the answer is dropped.
    pub(super) fn wait(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(self))
    }

    /// Keeps what went wrong. The first cause is the true one: what follows are its effects.
    pub(super) fn found(&self, error: Error) {
        self.finding.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// What went wrong, once.
    pub(crate) fn take_finding(&self) -> Option<Error> {
        self.finding.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ends when the remote was silent for this long while something was expected of it.
    pub(super) async fn stalled(&self, limit: Duration) {
        let mut ticks = tokio::time::interval((limit / 8).max(Duration::from_millis(10)));
        let (mut seen, mut silent_since) = (0, tokio::time::Instant::now());
        loop {
            let now = ticks.tick().await;
            let signs = self.signs_of_life.load(Ordering::Relaxed);
            if signs != seen || self.waiting.load(Ordering::Relaxed) == 0 {
                (seen, silent_since) = (signs, now);
            }
            if now.duration_since(silent_since) >= limit {
                self.found(
                    Error::new(ErrorKind::Timeout, format!("the git server was silent for {} s", limit.as_secs()))
                        .hint("try again later; a very large repository may need a longer limit"),
                );
                return;
            }
        }
    }
}

/// Something is expected of the remote.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Traffic>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_counts_only_while_something_is_expected() {
        let (traffic, limit) = (Arc::new(Traffic::default()), Duration::from_mins(1));
        let waited = |seconds| tokio::time::timeout(Duration::from_secs(seconds), traffic.stalled(limit));
        assert!(waited(600).await.is_err());
        let _waiting = traffic.wait();
        assert!(waited(59).await.is_err());
        let (stalled, ()) = tokio::join!(waited(80), async {
            tokio::time::sleep(Duration::from_secs(40)).await;
            traffic.touch();
        });
        assert!(stalled.is_err(), "work that goes on is no silence");
        assert!(waited(70).await.is_ok());
        assert_eq!(traffic.take_finding().unwrap().kind(), ErrorKind::Timeout);
    }
}
