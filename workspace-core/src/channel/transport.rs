//! Frames over byte streams.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::channel::frame::Frame;

/// How much is read at once, in bytes.
const READ: usize = 64 << 10;

/// Frames that wait are written together up to this many bytes.
const BATCH: usize = 256 << 10;

/// Reads frames from a byte stream.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads from the stream.
    pub fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// The next frame; `None` at the end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the stream fails, ends inside a frame, or holds what is no frame.
    pub async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            match Frame::decode(&mut self.buffer) {
                Ok(Some(frame)) => return Ok(Some(frame)),
                Ok(None) => {}
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
            self.buffer.reserve(READ);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }
}

/// Writes the frames of `next` until it gives none, those that wait together, and flushes when none waits.
///
/// # Errors
/// When the stream fails or a frame is too large.
pub async fn write_frames<W, Q>(mut stream: W, mut queue: Q) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
    Q: FrameQueue,
{
    let mut buffer = BytesMut::new();
    while let Some(first) = queue.next().await {
        let mut next = Some(first);
        while let Some(frame) = next {
            frame.encode(&mut buffer).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            next = if buffer.len() < BATCH { queue.waiting() } else { None };
        }
        stream.write_all_buf(&mut buffer).await?;
        stream.flush().await?;
        if buffer.capacity() > BATCH * 4 {
            buffer = BytesMut::new();
        }
    }
    stream.shutdown().await
}

/// Where [`write_frames`] takes its frames from.
pub trait FrameQueue: Send {
    /// The next frame; `None` when there will be none.
    fn next(&mut self) -> impl Future<Output = Option<Frame>> + Send;

    /// A frame that is there already.
    fn waiting(&mut self) -> Option<Frame>;
}

impl FrameQueue for tokio::sync::mpsc::Receiver<Frame> {
    async fn next(&mut self) -> Option<Frame> {
        self.recv().await
    }

    fn waiting(&mut self) -> Option<Frame> {
        self.try_recv().ok()
    }
}

impl FrameQueue for tokio::sync::mpsc::UnboundedReceiver<Frame> {
    async fn next(&mut self) -> Option<Frame> {
        self.recv().await
    }

    fn waiting(&mut self) -> Option<Frame> {
        self.try_recv().ok()
    }
}
