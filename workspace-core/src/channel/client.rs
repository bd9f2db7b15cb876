//! The client of a channel: the port [`Channel`] over any pair of byte streams.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use crate::channel::connection::{Call, Connection};
use crate::channel::frame::{Frame, FrameKind};
use crate::channel::message::{CheckEnded, ExecAsked, ExecEnded, Hello, Request};
use crate::channel::transport::FrameReader;
use crate::error::{Error, ErrorKind, Result};
use crate::port::{Channel, ExecEvent, ExecRequest, ExecStream, FileContent, FileEntry, MAX_FILE_BYTES, PortCheck};

/// How long the worker may take to say hello.
const HELLO: Duration = Duration::from_secs(20);

/// How long the worker may be silent in a request, beyond what the request itself may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A channel over a pair of byte streams with a worker at the other end.
///
/// # Guarantees
/// - Many requests at once; a slow reader holds up its own request only, and what is kept in memory per request is
///   bounded (see [`crate::channel`]).
/// - Dropping an [`ExecStream`], or the future that makes one, ends the program with its whole tree.
/// - When a stream breaks, or the worker shows no sign of life for half a minute, everything pending ends with
///   [`Unreachable`](ErrorKind::Unreachable) and [`Channel::is_open`] turns false.
/// - The byte streams are closed when the client and every stream that it made are dropped.
#[derive(Debug)]
pub struct ChannelClient(Arc<Connection>);

impl ChannelClient {
    /// Waits for the worker's hello and takes over the streams. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// [`Unreachable`](ErrorKind::Unreachable) when the stream ends or says something else,
    /// [`Timeout`](ErrorKind::Timeout) when the worker says nothing for 20 seconds,
    /// [`Unsupported`](ErrorKind::Unsupported) when it speaks another version.
    pub async fn open<R, W>(read: R, write: W) -> Result<Self>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let mut frames = FrameReader::new(read);
        let first = timeout(HELLO, frames.next())
            .await
            .map_err(|_elapsed| Error::new(ErrorKind::Timeout, "the worker in the container says nothing"))?
            .map_err(|error| no_worker().source(error))?;
        let Some(Frame { kind: FrameKind::Hello, payload, .. }) = first else { return Err(no_worker()) };
        let hello: Hello = read_json(&payload)?;
        if hello != Hello::CURRENT {
            let message = format!("the worker speaks version {} of the channel", hello.protocol);
            return Err(Error::new(ErrorKind::Unsupported, message).hint("use the worker image of this release"));
        }
        Ok(Self(Arc::new(Connection::new(frames, write))))
    }
}

fn no_worker() -> Error {
    Error::new(ErrorKind::Unreachable, "the worker in the container did not start")
        .hint("check that the container runs and that the worker image fits its processor")
}

fn read_json<T: DeserializeOwned>(payload: &[u8]) -> Result<T> {
    serde_json::from_slice(payload)
        .map_err(|error| Error::new(ErrorKind::Internal, "the worker's answer cannot be read").source(error))
}

fn unexpected(frame: &Frame) -> Error {
    Error::new(ErrorKind::Internal, format!("the worker answered out of turn with {:?}", frame.kind))
}

/// Far enough for any limit, near enough to be added.
fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or_else(|| now + Duration::from_hours(24 * 365))
}

/// Reads the data of a call up to its end.
async fn collect(call: &mut Call) -> Result<(Bytes, Frame)> {
    let mut bytes = BytesMut::new();
    loop {
        let frame = call.next(after(PATIENCE)).await?;
        match frame.kind {
            FrameKind::Data if bytes.len() as u64 + frame.payload.len() as u64 > MAX_FILE_BYTES => {
                return Err(Error::new(ErrorKind::Internal, "the worker sent more than a file may have"));
            }
            FrameKind::Data => bytes.extend_from_slice(&frame.payload),
            FrameKind::End => return Ok((bytes.freeze(), frame)),
            _ => return Err(unexpected(&frame)),
        }
    }
}

/// The next event of a program.
async fn event(call: &mut Call, deadline: Instant) -> Result<ExecEvent> {
    let frame = call.next(deadline.max(after(PATIENCE))).await?;
    match frame.kind {
        FrameKind::Data => Ok(ExecEvent::Stdout(frame.payload)),
        FrameKind::Stderr => Ok(ExecEvent::Stderr(frame.payload)),
        FrameKind::End => {
            let ended: ExecEnded = read_json(&frame.payload)?;
            let duration = Duration::from_micros(ended.duration_us);
            Ok(ExecEvent::Ended { end: ended.end, truncated: ended.truncated, duration })
        }
        _ => Err(unexpected(&frame)),
    }
}

#[async_trait]
impl Channel for ChannelClient {
    fn is_open(&self) -> bool {
        self.0.is_open()
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecStream> {
        if request.argv.is_empty() {
            return Err(Error::invalid("argv", "a program is needed"));
        }
        let deadline = after(request.timeout.saturating_add(PATIENCE));
        let mut call = self.0.call(&Request::Exec(ExecAsked {
            argv: request.argv,
            cwd: request.cwd,
            env: request.env,
            stdin: request.stdin.is_some(),
            timeout_ms: u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX),
            output_limit: request.output_limit,
        }))?;
        if let Some(stdin) = request.stdin {
            call.feed(stdin);
        }
        let started = call.next(after(PATIENCE)).await?;
        if started.kind != FrameKind::Answer {
            return Err(unexpected(&started));
        }
        let events = stream::unfold(Some(call), move |call| async move {
            let mut call = call?;
            let event = event(&mut call, deadline).await;
            let over = !matches!(event, Ok(ExecEvent::Stdout(_) | ExecEvent::Stderr(_)));
            Some((event, (!over).then_some(call)))
        });
        Ok(events.boxed())
    }

    async fn check_port(&self, check: &PortCheck, limit: Duration) -> Result<Option<String>> {
        let timeout_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let mut call = self.0.call(&Request::Check { check: check.clone(), timeout_ms })?;
        let end = call.next(after(PATIENCE.saturating_add(limit))).await?;
        if end.kind != FrameKind::End {
            return Err(unexpected(&end));
        }
        read_json::<CheckEnded>(&end.payload).map(|ended| ended.problem)
    }

    async fn read_file(&self, path: &str) -> Result<FileContent> {
        let mut call = self.0.call(&Request::Read { path: path.to_owned() })?;
        let answer = call.next(after(PATIENCE)).await?;
        if answer.kind != FrameKind::Answer {
            return Err(unexpected(&answer));
        }
        let mut entry: FileEntry = read_json(&answer.payload)?;
        let (bytes, _end) = collect(&mut call).await?;
        // A file that was changed while it was read: what was read is what is told.
        entry.size = bytes.len() as u64;
        Ok(FileContent { entry, bytes })
    }

    async fn write_file(&self, path: &str, bytes: Bytes, mode: Option<u32>) -> Result<FileEntry> {
        let size = bytes.len() as u64;
        if size > MAX_FILE_BYTES {
            return Err(Error::invalid("content", "the file is larger than 64 MiB"));
        }
        let mut call = self.0.call(&Request::Write { path: path.to_owned(), size, mode })?;
        call.feed(bytes);
        // The file's own way to the container counts too: at least 1 MiB in a second.
        let end = call.next(after(PATIENCE + Duration::from_secs(size >> 20))).await?;
        if end.kind == FrameKind::End { read_json(&end.payload) } else { Err(unexpected(&end)) }
    }

    async fn list_files(&self, path: &str, depth: u32) -> Result<Vec<FileEntry>> {
        let mut call = self.0.call(&Request::List { path: path.to_owned(), depth })?;
        let (bytes, _end) = collect(&mut call).await?;
        read_json(&bytes)
    }

    async fn delete_file(&self, path: &str) -> Result<()> {
        let mut call = self.0.call(&Request::Delete { path: path.to_owned() })?;
        let end = call.next(after(PATIENCE)).await?;
        if end.kind == FrameKind::End { Ok(()) } else { Err(unexpected(&end)) }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex, split};
    use tokio::sync::mpsc;

    use super::*;
    use crate::channel::frame::CHUNK;
    use crate::channel::transport::write_frames;
    use crate::channel::window::Credit;
    use crate::port::ExecEnd;

    struct Worker {
        frames: FrameReader<tokio::io::ReadHalf<DuplexStream>>,
        out: mpsc::UnboundedSender<Frame>,
    }

    async fn pair() -> (ChannelClient, Worker) {
        let (near, far) = duplex(1 << 16);
        let (read, write) = split(far);
        let (out, queue) = mpsc::unbounded_channel();
        tokio::spawn(write_frames(write, queue));
        let hello = serde_json::to_vec(&Hello::CURRENT).unwrap();
        out.send(Frame::new(FrameKind::Hello, 0, hello)).unwrap();
        let (read_near, write_near) = split(near);
        let client = ChannelClient::open(read_near, write_near).await.unwrap();
        (client, Worker { frames: FrameReader::new(read), out })
    }

    impl Worker {
        async fn next(&mut self) -> Frame {
            self.frames.next().await.unwrap().unwrap()
        }

        /// Starts the exec that was asked for, and answers with its number.
        async fn started(&mut self) -> u32 {
            let request = self.next().await;
            assert_eq!(request.kind, FrameKind::Request);
            self.out.send(Frame::empty(FrameKind::Answer, request.request)).unwrap();
            request.request
        }
    }

    #[tokio::test]
    async fn a_stream_nobody_reads_does_not_hold_up_another() {
        let (client, mut worker) = pair().await;
        let (slow, slow_id) = tokio::join!(client.exec(ExecRequest::new(["yes"])), worker.started());
        let mut slow = slow.unwrap();
        let credit = Credit::new();
        let chunk = Frame::new(FrameKind::Data, slow_id, vec![b'y'; CHUNK]);
        while credit.spend(&chunk).now_or_never() == Some(true) {
            worker.out.send(chunk.clone()).unwrap();
        }
        let (quick, quick_id) = tokio::join!(client.exec(ExecRequest::new(["true"])), worker.started());
        let ended = ExecEnded { end: ExecEnd::Exited(3), truncated: false, duration_us: 7 };
        worker.out.send(Frame::new(FrameKind::End, quick_id, serde_json::to_vec(&ended).unwrap())).unwrap();
        let events: Vec<_> = quick.unwrap().map(Result::unwrap).collect().await;
        let duration = Duration::from_micros(7);
        assert_eq!(events, [ExecEvent::Ended { end: ExecEnd::Exited(3), truncated: false, duration }]);

        for _ in 0..2 {
            assert_eq!(slow.next().await.unwrap().unwrap(), ExecEvent::Stdout(chunk.payload.clone()));
        }
        let grant = worker.next().await;
        assert_eq!((grant.kind, grant.request), (FrameKind::Window, slow_id));
        assert_eq!(grant.room(), 2 * chunk.cost());
        drop(slow);
        let cancel = worker.next().await;
        assert_eq!((cancel.kind, cancel.request), (FrameKind::Cancel, slow_id));
    }

    #[tokio::test]
    async fn a_worker_that_overdraws_its_window_loses_the_channel() {
        let (client, mut worker) = pair().await;
        let (stream, id) = tokio::join!(client.exec(ExecRequest::new(["yes"])), worker.started());
        for _ in 0..5 {
            worker.out.send(Frame::new(FrameKind::Data, id, vec![0; CHUNK])).unwrap();
        }
        let events: Vec<_> = stream.unwrap().collect().await;
        assert_eq!(events.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::Unreachable);
        assert!(!client.is_open());
    }

    #[tokio::test]
    async fn a_broken_stream_ends_everything_pending() {
        let (client, mut worker) = pair().await;
        let (stream, _id) = tokio::join!(client.exec(ExecRequest::new(["cat"])), worker.started());
        let (read, ()) = tokio::join!(client.read_file("a"), async {
            worker.next().await;
            drop(worker);
        });
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Unreachable);
        let mut stream = stream.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), ErrorKind::Unreachable);
        assert!(stream.next().await.is_none());
        assert!(!client.is_open());
        assert_eq!(client.delete_file("a").await.unwrap_err().kind(), ErrorKind::Unreachable);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_worker_is_asked_and_then_given_up() {
        let (client, mut worker) = pair().await;
        let pending = tokio::spawn(async move { client.read_file("a").await });
        assert_eq!(worker.next().await.kind, FrameKind::Request);
        assert_eq!(worker.next().await.kind, FrameKind::Ping);
        assert_eq!(pending.await.unwrap().unwrap_err().kind(), ErrorKind::Unreachable);
    }

    #[tokio::test]
    async fn what_is_no_worker_is_told() {
        let (near, mut far) = duplex(1 << 10);
        far.write_all(b"OCI runtime exec failed").await.unwrap();
        let (read, write) = split(near);
        let error = ChannelClient::open(read, write).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.next_step().is_some());
    }
}
