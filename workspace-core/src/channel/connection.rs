//! The client's end of the stream: which requests wait, and what came for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::channel::frame::{CHUNK, Frame, FrameKind, MAX_PAYLOAD};
use crate::channel::message::{Request, WireError};
use crate::channel::transport::{FrameReader, write_frames};
use crate::channel::window::{Credit, Received};
use crate::error::{Error, ErrorKind, Result};

/// A stream that brings nothing for this long is asked for a sign of life; after as long again it is given up.
const SILENCE: Duration = Duration::from_secs(15);

/// The stream of one channel. Dropping the last handle closes it.
#[derive(Debug)]
pub(super) struct Connection {
    table: Arc<Table>,
    out: UnboundedSender<Frame>,
    tasks: [JoinHandle<()>; 2],
}

impl Connection {
    pub(super) fn new<R, W>(frames: FrameReader<R>, write: W) -> Self
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        // Unbounded, but not without bounds: data waits for credit, and the rest is a few bytes per request.
        let (out, queue) = unbounded_channel();
        let table = Arc::new(Table::default());
        let reader = tokio::spawn(receive(frames, Arc::clone(&table), out.clone()));
        let writer = tokio::spawn({
            let table = Arc::clone(&table);
            async move {
                if let Err(error) = write_frames(write, queue).await {
                    table.break_off(error.to_string());
                }
            }
        });
        Self { table, out, tasks: [reader, writer] }
    }

    pub(super) fn is_open(&self) -> bool {
        self.table.lock().broken.is_none()
    }

    /// Opens a request.
    pub(super) fn call(self: &Arc<Self>, request: &Request) -> Result<Call> {
        let header = serde_json::to_vec(request)
            .map_err(|error| Error::new(ErrorKind::Internal, "the request cannot be written").source(error))?;
        if header.len() > MAX_PAYLOAD {
            let field = if matches!(request, Request::Exec(_)) { "argv" } else { "path" };
            return Err(Error::invalid(field, "the request is larger than 1 MiB").hint("pass large data on stdin"));
        }
        let flow = Arc::new(Flow::default());
        let (id, frames) = self.table.open(&flow)?;
        let call = Call { connection: Arc::clone(self), id, flow, frames, feeder: None, done: false };
        call.send(Frame::new(FrameKind::Request, id, header));
        Ok(call)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.table.break_off("the channel was closed".to_owned());
    }
}

async fn receive<R: AsyncRead + Unpin>(mut frames: FrameReader<R>, table: Arc<Table>, out: UnboundedSender<Frame>) {
    let mut asked = false;
    let reason = loop {
        match timeout(SILENCE, frames.next()).await {
            Ok(Ok(Some(frame))) => {
                asked = false;
                if !table.deliver(frame) {
                    break "the worker sent more than it may".to_owned();
                }
            }
            Ok(Ok(None)) => break "the worker ended".to_owned(),
            Ok(Err(error)) => break error.to_string(),
            Err(_silent) if asked => break "the worker fell silent".to_owned(),
            Err(_silent) => {
                asked = true;
                // A closed queue shows as a broken stream anyway.
                let _ = out.send(Frame::empty(FrameKind::Ping, 0));
            }
        }
    };
    table.break_off(reason);
}

/// The windows of one request.
#[derive(Debug, Default)]
struct Flow {
    credit: Credit,
    received: Received,
}

#[derive(Debug, Default)]
struct Waiting {
    last: u32,
    requests: BTreeMap<u32, (Arc<Flow>, UnboundedSender<Frame>)>,
    broken: Option<String>,
}

#[derive(Debug, Default)]
struct Table(Mutex<Waiting>);

impl Table {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, flow: &Arc<Flow>) -> Result<(u32, UnboundedReceiver<Frame>)> {
        let mut waiting = self.lock();
        if waiting.broken.is_some() {
            drop(waiting);
            return Err(self.why());
        }
        let mut id = waiting.last.wrapping_add(1).max(1);
        while waiting.requests.contains_key(&id) {
            id = id.wrapping_add(1).max(1);
        }
        waiting.last = id;
        let (deliver, frames) = unbounded_channel();
        waiting.requests.insert(id, (Arc::clone(flow), deliver));
        Ok((id, frames))
    }

    /// Hands a frame to its request; `false` when the worker ignores the request's window. Frames of requests that
    /// are over come late and are nobody's.
    fn deliver(&self, frame: Frame) -> bool {
        let waiting = self.lock();
        let Some((flow, deliver)) = waiting.requests.get(&frame.request) else { return true };
        if frame.kind == FrameKind::Window {
            flow.credit.grant(frame.room());
            return true;
        }
        let kept = flow.received.arrived(&frame);
        let _ = deliver.send(frame);
        kept
    }

    fn close(&self, id: u32) {
        if let Some((flow, _)) = self.lock().requests.remove(&id) {
            flow.credit.close();
        }
    }

    fn break_off(&self, reason: String) {
        let mut waiting = self.lock();
        waiting.broken.get_or_insert(reason);
        for (flow, _) in std::mem::take(&mut waiting.requests).into_values() {
            flow.credit.close();
        }
    }

    fn why(&self) -> Error {
        let reason = self.lock().broken.clone().unwrap_or_default();
        Error::new(ErrorKind::Unreachable, format!("the channel into the container broke: {reason}"))
            .hint("open a new channel; the container may have stopped")
    }
}

/// One request that waits. Dropping it before its last frame cancels it.
#[derive(Debug)]
pub(super) struct Call {
    connection: Arc<Connection>,
    id: u32,
    flow: Arc<Flow>,
    frames: UnboundedReceiver<Frame>,
    feeder: Option<JoinHandle<()>>,
    done: bool,
}

impl Call {
    fn send(&self, frame: Frame) {
        // A closed queue shows as a broken stream at the next read.
        let _ = self.connection.out.send(frame);
    }

    /// Sends input beside everything else, as fast as the worker takes it.
    pub(super) fn feed(&mut self, mut bytes: Bytes) {
        let (out, flow, id) = (self.connection.out.clone(), Arc::clone(&self.flow), self.id);
        self.feeder = Some(tokio::spawn(async move {
            while !bytes.is_empty() {
                let frame = Frame::new(FrameKind::Data, id, bytes.split_to(bytes.len().min(CHUNK)));
                if !flow.credit.spend(&frame).await {
                    return;
                }
                let _ = out.send(frame);
            }
            let _ = out.send(Frame::empty(FrameKind::End, id));
        }));
    }

    /// The next frame of the worker; a `Failed` one is the error that it carries.
    pub(super) async fn next(&mut self, deadline: Instant) -> Result<Frame> {
        let Ok(arrived) = timeout_at(deadline, self.frames.recv()).await else {
            return Err(Error::new(ErrorKind::Timeout, "the worker in the container does not answer")
                .hint("look at the container's load, or restart the workspace"));
        };
        let Some(frame) = arrived else {
            self.done = true;
            return Err(self.connection.table.why());
        };
        if let Some(room) = self.flow.received.consumed(&frame) {
            self.send(Frame::window(self.id, room));
        }
        self.done = matches!(frame.kind, FrameKind::End | FrameKind::Failed);
        if frame.kind == FrameKind::Failed {
            return Err(serde_json::from_slice::<WireError>(&frame.payload).map_or_else(
                |error| Error::new(ErrorKind::Internal, "the worker's error cannot be read").source(error),
                Error::from,
            ));
        }
        Ok(frame)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(feeder) = &self.feeder {
            feeder.abort();
        }
        self.connection.table.close(self.id);
        if !self.done {
            self.send(Frame::empty(FrameKind::Cancel, self.id));
        }
    }
}
