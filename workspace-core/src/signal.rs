//! Waking those who wait, in the order in which they began to.
//!
//! tokio's `watch` wakes its receivers in random order: two runs of one seed would differ.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Something that is raised now and then. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signal(Arc<Raised>);

#[derive(Debug, Default)]
struct Raised {
    times: AtomicU64,
    waiting: Notify,
}

impl Signal {
    /// Wakes everybody who waits.
    pub(crate) fn raise(&self) {
        self.0.times.fetch_add(1, Ordering::SeqCst);
        self.0.waiting.notify_waiters();
    }

    /// Whether it was ever raised.
    pub(crate) fn is_raised(&self) -> bool {
        self.times() > 0
    }

    /// Ends as soon as it was ever raised.
    pub(crate) async fn raised(&self) {
        self.past(0).await;
    }

    /// Hears of it from now on.
    pub(crate) fn listen(&self) -> Listener {
        Listener { signal: self.clone(), heard: self.times() }
    }

    /// Whether anybody else has this.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    fn times(&self) -> u64 {
        self.0.times.load(Ordering::SeqCst)
    }

    async fn past(&self, heard: u64) -> u64 {
        loop {
            let mut woken = pin!(self.0.waiting.notified());
            // From here on no wake is missed.
            woken.as_mut().enable();
            let times = self.times();
            if times > heard {
                return times;
            }
            woken.await;
        }
    }
}

/// Hears of a signal.
#[derive(Debug)]
pub(crate) struct Listener {
    signal: Signal,
    heard: u64,
}

impl Listener {
    /// What was raised so far counts as heard.
    pub(crate) fn mark_heard(&mut self) {
        self.heard = self.signal.times();
    }

    /// Ends when it was raised since it was last heard of.
    pub(crate) async fn heard(&mut self) {
        self.heard = self.signal.past(self.heard).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn all_are_woken_in_order() {
        let (signal, order) = (Signal::default(), Arc::new(Mutex::new(Vec::new())));
        let waiters: Vec<_> = (0..50)
            .map(|number| {
                let (mut listener, order) = (signal.listen(), Arc::clone(&order));
                tokio::spawn(async move {
                    listener.heard().await;
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        signal.raise();
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..50).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_was_raised_before_is_heard_once() {
        let signal = Signal::default();
        let mut listener = signal.listen();
        signal.raise();
        listener.heard().await;
        assert!(futures::FutureExt::now_or_never(listener.heard()).is_none());
        signal.raise();
        listener.mark_heard();
        assert!(futures::FutureExt::now_or_never(listener.heard()).is_none());
        signal.raised().await;
        assert!(signal.is_raised());
    }
}
