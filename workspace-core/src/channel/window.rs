//! Back-pressure per request and direction: the sender spends credit, the receiver grants it anew.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Semaphore;

use crate::channel::frame::Frame;

/// What one direction of a request may have unread, counted by [`Frame::cost`]: 256 KiB.
pub const WINDOW: u32 = 256 << 10;

/// The sender's side: how much it may still send.
#[derive(Debug)]
pub struct Credit(Semaphore);

impl Credit {
    /// A whole window.
    pub fn new() -> Self {
        Self(Semaphore::new(WINDOW as usize))
    }

    /// Waits for room for the frame and takes it; `false` when the other side is gone.
    pub async fn spend(&self, frame: &Frame) -> bool {
        match self.0.acquire_many(frame.cost()).await {
            Ok(permit) => {
                permit.forget();
                true
            }
            Err(_closed) => false,
        }
    }

    /// Adds what the receiver granted, never to more than a whole window: a hostile receiver gains nothing.
    pub fn grant(&self, room: u32) {
        let missing = (WINDOW as usize).saturating_sub(self.0.available_permits());
        self.0.add_permits(missing.min(room as usize));
    }

    /// Ends every wait for room: the other side is gone.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Default for Credit {
    fn default() -> Self {
        Self::new()
    }
}

/// The receiver's side: what came and was not granted anew.
#[derive(Debug, Default)]
pub struct Received {
    unread: AtomicU32,
    consumed: AtomicU32,
}

impl Received {
    /// Notes a frame that came; `false` when the sender ignores its window.
    pub fn arrived(&self, frame: &Frame) -> bool {
        let cost = frame.cost();
        self.unread.fetch_add(cost, Ordering::Relaxed).saturating_add(cost) <= WINDOW
    }

    /// Notes a frame that was read. Answers how much to grant when it is worth a frame: half a window.
    pub fn consumed(&self, frame: &Frame) -> Option<u32> {
        let cost = frame.cost();
        let consumed = self.consumed.fetch_add(cost, Ordering::Relaxed).saturating_add(cost);
        if consumed < WINDOW / 2 {
            return None;
        }
        self.consumed.store(0, Ordering::Relaxed);
        self.unread.fetch_sub(consumed, Ordering::Relaxed);
        Some(consumed)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::channel::frame::{CHUNK, FrameKind};

    #[test]
    fn a_sender_waits_at_the_end_of_its_window_and_goes_on_with_a_grant() {
        let (credit, received) = (Credit::new(), Received::default());
        let frame = Frame::new(FrameKind::Data, 1, vec![0; CHUNK]);
        let mut sent = 0;
        while credit.spend(&frame).now_or_never() == Some(true) {
            assert!(received.arrived(&frame));
            sent += 1;
        }
        assert_eq!(sent, 3);
        assert_eq!(received.consumed(&frame), None);
        let room = received.consumed(&frame).unwrap();
        credit.grant(room);
        assert_eq!(credit.spend(&frame).now_or_never(), Some(true));
        assert!(received.arrived(&frame));
    }

    #[test]
    fn a_window_cannot_be_overdrawn() {
        let received = Received::default();
        let frame = Frame::new(FrameKind::Data, 1, vec![0; CHUNK]);
        assert_eq!((0..5).filter(|_| received.arrived(&frame)).count(), 3);
        let credit = Credit::new();
        credit.grant(u32::MAX);
        assert_eq!(credit.0.available_permits(), WINDOW as usize);
    }
}
