//! One request of the client: its input, its answers, its end.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;
use workspace_core::channel::{Credit, Frame, FrameKind, Received, WireError};
use workspace_core::error::{Error, ErrorKind, Result};

/// The windows of one request.
#[derive(Debug, Default)]
struct Flow {
    credit: Credit,
    received: Received,
}

/// What the channel keeps of a request that goes on.
#[derive(Debug)]
pub(super) struct Ongoing {
    flow: Arc<Flow>,
    deliver: UnboundedSender<Frame>,
    cancelled: CancellationToken,
}

/// What a request works with.
#[derive(Debug)]
pub(super) struct Exchange {
    id: u32,
    flow: Arc<Flow>,
    input: UnboundedReceiver<Frame>,
    out: mpsc::Sender<Frame>,
    /// Somebody wants the request to end.
    pub(super) cancelled: CancellationToken,
}

/// A new request: what the channel keeps of it, and what it works with.
pub(super) fn open(id: u32, out: mpsc::Sender<Frame>, channel: &CancellationToken) -> (Ongoing, Exchange) {
    let (deliver, input) = unbounded_channel();
    let (flow, cancelled) = (Arc::new(Flow::default()), channel.child_token());
    let ongoing = Ongoing { flow: Arc::clone(&flow), deliver, cancelled: cancelled.clone() };
    (ongoing, Exchange { id, flow, input, out, cancelled })
}

impl Ongoing {
    /// Hands on a frame of the client; `false` when it ignores the request's window.
    pub(super) fn deliver(&self, frame: Frame) -> bool {
        match frame.kind {
            FrameKind::Cancel => self.cancelled.cancel(),
            FrameKind::Window => self.flow.credit.grant(frame.room()),
            FrameKind::Data | FrameKind::End => {
                let kept = self.flow.received.arrived(&frame);
                // A request that is over needs no input.
                let _ = self.deliver.send(frame);
                return kept;
            }
            _ => {}
        }
        true
    }
}

/// What a request answers with.
#[derive(Clone, Debug)]
pub(super) struct Replies {
    id: u32,
    flow: Arc<Flow>,
    out: mpsc::Sender<Frame>,
}

/// What the client sends after its request.
#[derive(Debug)]
pub(super) struct Input {
    id: u32,
    flow: Arc<Flow>,
    frames: UnboundedReceiver<Frame>,
    out: mpsc::Sender<Frame>,
}

impl Exchange {
    /// The two directions.
    pub(super) fn split(self) -> (Input, Replies) {
        let replies = Replies { id: self.id, flow: Arc::clone(&self.flow), out: self.out.clone() };
        (Input { id: self.id, flow: self.flow, frames: self.input, out: self.out }, replies)
    }
}

impl Input {
    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let frame = self.frames.recv().await.filter(|frame| frame.kind == FrameKind::Data)?;
        if let Some(room) = self.flow.received.consumed(&frame) {
            let _ = self.out.send(Frame::window(self.id, room)).await;
        }
        Some(frame.payload)
    }
}

impl Replies {
    /// Sends a frame. Where nobody listens any more the channel ends by itself.
    async fn send(&self, frame: Frame) {
        if self.flow.credit.spend(&frame).await {
            let _ = self.out.send(frame).await;
        }
    }

    /// Sends bytes, as fast as the client reads them.
    pub(super) async fn data(&self, kind: FrameKind, bytes: Bytes) {
        self.send(Frame::new(kind, self.id, bytes)).await;
    }

    /// Sends a value.
    pub(super) async fn json(&self, kind: FrameKind, value: &(impl Serialize + Sync)) -> Result<()> {
        let json = serde_json::to_vec(value)
            .map_err(|error| Error::new(ErrorKind::Internal, "the answer cannot be written").source(error))?;
        self.send(Frame::new(kind, self.id, json)).await;
        Ok(())
    }

    /// Ends the request with an error.
    pub(super) async fn failed(&self, error: &Error) {
        if let Ok(json) = serde_json::to_vec(&WireError::from(error)) {
            self.send(Frame::new(FrameKind::Failed, self.id, json)).await;
        }
    }
}
