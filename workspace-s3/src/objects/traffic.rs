//! What goes over the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of a storage: for S3 at the HTTP layer, each attempt by itself, bodies only; nothing for a local directory.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Traffic {
    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Bytes of request bodies so far.
    pub fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Bytes of response bodies so far.
    pub fn received(&self) -> u64 {
        self.0.received.load(Ordering::Relaxed)
    }

    pub(super) fn request(&self, body: u64) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        self.0.sent.fetch_add(body, Ordering::Relaxed);
    }

    pub(super) fn response(&self, body: u64) {
        self.0.received.fetch_add(body, Ordering::Relaxed);
    }
}
