//! One program from its start to its end: input, output up to a limit, a time limit.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use rustix::io::{Errno, ioctl_fionread};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdin;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use workspace_core::channel::ExecEnded;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::{ExecEnd, OutputStream};

use crate::process::program::exit_code;
use crate::process::{Running, Tree};

/// How much is read at once, in bytes: little at first, more from who writes much.
const READ: (usize, usize) = (8 << 10, 64 << 10);

/// The longest time limit.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// What a program may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) timeout: Duration,
    /// Bytes of output that are kept, both streams together.
    pub(crate) output: u64,
}

/// Where output goes; a slow `write` holds up the program.
pub(crate) trait Output: Send + Sync {
    fn write(&self, stream: OutputStream, bytes: Bytes) -> BoxFuture<'_, ()>;
}

/// Output that is kept up to a limit.
struct Kept<'a> {
    output: &'a dyn Output,
    left: AtomicU64,
    truncated: AtomicBool,
}

impl Kept<'_> {
    async fn write(&self, stream: OutputStream, mut bytes: Bytes) {
        let length = bytes.len() as u64;
        let take = |left: u64| Some(left.saturating_sub(length));
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).unwrap_or(0);
        if left < length {
            self.truncated.store(true, Ordering::Relaxed);
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
        if !bytes.is_empty() {
            self.output.write(stream, bytes).await;
        }
    }
}

/// Carries a program to its end. Dropping the future leaves the program to its owner.
///
/// A program that ends by itself leaves what it started in the background alone, and its end does not wait for those
/// who inherited its output. At the time limit the whole tree is ended.
pub(crate) async fn carry(
    running: &mut Running,
    input: BoxStream<'_, Bytes>,
    output: &dyn Output,
    limits: Limits,
    left_behind: &mut Vec<BoxFuture<'static, ()>>,
) -> Result<ExecEnded> {
    let started = Instant::now();
    let kept = Kept { output, left: AtomicU64::new(limits.output), truncated: AtomicBool::new(false) };
    let ended = CancellationToken::new();
    let stdin = running.stdin();
    let (stdout, stderr) = running.output();
    let pumps = async {
        let fed = async {
            tokio::select! {
                () = feed(stdin, input) => {}
                () = ended.cancelled() => {}
            }
        };
        let (out, err, ()) = tokio::join!(
            pump(stdout, OutputStream::Stdout, &kept, &ended),
            pump(stderr, OutputStream::Stderr, &kept, &ended),
            fed,
        );
        (out, err)
    };
    tokio::pin!(pumps);
    let deadline = started + limits.timeout.min(LONGEST);
    let tree = running.tree().clone();
    let end = {
        let waited = until(running, deadline, &tree);
        tokio::pin!(waited);
        let mut pipes = None;
        let end = loop {
            tokio::select! {
                end = &mut waited => break end,
                both = &mut pumps, if pipes.is_none() => pipes = Some(both),
            }
        };
        ended.cancel();
        let (out, err) = match pipes {
            Some(both) => both,
            None => pumps.await,
        };
        left_behind.extend(out.map(|pipe| drain(pipe).boxed()));
        left_behind.extend(err.map(|pipe| drain(pipe).boxed()));
        end?
    };
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(ExecEnded { end, truncated: kept.truncated.load(Ordering::Relaxed), duration_us })
}

/// Waits for the program; ends its tree at the deadline.
async fn until(running: &mut Running, deadline: Instant, tree: &Tree) -> Result<ExecEnd> {
    let lost = |error| Error::new(ErrorKind::Internal, "the program's end cannot be told").source(error);
    tokio::select! {
        status = running.wait() => return Ok(ExecEnd::Exited(exit_code(status.map_err(lost)?))),
        () = sleep_until(deadline) => {}
    }
    tree.end().await;
    running.wait().await.map_err(lost)?;
    Ok(ExecEnd::TimeLimit)
}

/// Writes the input and closes stdin. A program that does not read is its own business.
async fn feed(stdin: Option<ChildStdin>, mut input: BoxStream<'_, Bytes>) {
    let Some(mut stdin) = stdin else { return };
    while let Some(bytes) = input.next().await {
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Passes output on until its end, or until the program ended and what it wrote was read. Answers with the pipe when
/// somebody else still has its other end.
async fn pump<P: AsyncRead + AsFd + Unpin>(
    pipe: Option<P>,
    stream: OutputStream,
    kept: &Kept<'_>,
    ended: &CancellationToken,
) -> Option<P> {
    let mut pipe = pipe?;
    let (mut buffer, mut room) = (BytesMut::new(), READ.0);
    loop {
        buffer.reserve(room);
        tokio::select! {
            biased;
            read = pipe.read_buf(&mut buffer) => match read {
                Ok(0) | Err(_) => return None,
                Ok(count) => room = if count >= room { READ.1 } else { READ.0 },
            },
            () = ended.cancelled() => break,
        }
        kept.write(stream, buffer.split().freeze()).await;
    }
    // What is in the pipe now is the last of it; read past the runtime, which may not know yet that it is there.
    let mut left = usize::try_from(ioctl_fionread(&pipe).unwrap_or(0)).unwrap_or(0);
    while left > 0 {
        buffer.resize(left.min(READ.1), 0);
        match rustix::io::read(&pipe, &mut buffer[..]) {
            Ok(0) => return None,
            Ok(count) => {
                left = left.saturating_sub(count);
                buffer.truncate(count);
                kept.write(stream, buffer.split().freeze()).await;
            }
            Err(Errno::INTR) => {}
            Err(_empty) => break,
        }
    }
    Some(pipe)
}

/// Reads and forgets what background processes write, which would be ended by a closed pipe.
async fn drain<P: AsyncRead + Unpin>(mut pipe: P) {
    // A broken pipe is an ended one.
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
}
