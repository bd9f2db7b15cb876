//! The loop that reads requests and starts them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use workspace_core::channel::{Frame, FrameKind, FrameReader, Hello, Request, write_frames};
use workspace_core::error::{Error, ErrorKind, Result};

use crate::channel::request::{Exchange, Ongoing, Replies, open};
use crate::channel::{check, exec, files};
use crate::files::Root;
use crate::process::{Inherited, ProcessHost};

/// Requests at once; more are refused.
const MOST: usize = 1_024;

/// Files that are worked on at once.
const FILES: usize = 8;

/// Frames that wait for the stream; the requests wait then.
const QUEUE: usize = 32;

/// What a channel gives access to.
#[derive(Clone, Debug)]
pub struct ChannelSetup {
    root: PathBuf,
    host: Arc<ProcessHost>,
    inherited: Inherited,
    marks: Vec<(&'static str, String)>,
}

impl ChannelSetup {
    /// Programs that inherit our own environment, and the files below `root`, which clients call `/workspace`.
    pub fn new(root: impl Into<PathBuf>, host: Arc<ProcessHost>) -> Self {
        Self { root: root.into(), host, inherited: Inherited::Ours, marks: Vec::new() }
    }

    /// Gives programs this environment instead of ours.
    pub(crate) fn environment(mut self, variables: BTreeMap<String, OsString>) -> Self {
        self.inherited = Inherited::Only(variables);
        self
    }

    /// Marks every program with a variable.
    pub(crate) fn mark(mut self, name: &'static str, value: String) -> Self {
        self.marks.push((name, value));
        self
    }
}

/// What the requests of one channel share.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(super) folder: PathBuf,
    pub(super) root: Root,
    pub(super) host: Arc<ProcessHost>,
    pub(super) inherited: Inherited,
    pub(super) marks: Vec<(&'static str, String)>,
    pub(super) files: Semaphore,
}

impl Setting {
    /// Where a program starts: `/workspace` is the root wherever that really is.
    pub(super) fn working_dir(&self, cwd: Option<&str>) -> PathBuf {
        working_dir(&self.folder, cwd)
    }
}

/// Translates a client's folder: absolute below `/workspace`, relative to it, or absolute elsewhere.
pub(crate) fn working_dir(root: &Path, cwd: Option<&str>) -> PathBuf {
    let Some(cwd) = cwd else { return root.to_owned() };
    match Path::new(cwd).strip_prefix("/workspace") {
        Ok(below) if below.as_os_str().is_empty() => root.to_owned(),
        Ok(below) => root.join(below),
        Err(_elsewhere) => root.join(cwd),
    }
}

/// Serves a channel until its stream ends or breaks; then ends every program that still runs, with everything that it
/// started, and returns. What a program that ended by itself left in the background is left alone.
///
/// # Errors
/// When the root cannot be opened, or the stream breaks or holds what is no frame.
pub async fn serve_channel<R, W>(read: R, write: W, setup: ChannelSetup) -> io::Result<()>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let root = Root::open(&setup.root).map_err(|error| io::Error::other(error.chain()))?;
    let ChannelSetup { root: folder, host, inherited, marks } = setup;
    let setting = Arc::new(Setting { folder, root, host, inherited, marks, files: Semaphore::new(FILES) });
    let (out, queue) = mpsc::channel(QUEUE);
    let mut writer = tokio::spawn(write_frames(write, queue));
    let hello = serde_json::to_vec(&Hello::CURRENT)?;
    let _ = out.send(Frame::new(FrameKind::Hello, 0, hello)).await;
    let mut channel =
        Channel { setting, out, closing: CancellationToken::new(), ongoing: BTreeMap::new(), tasks: JoinSet::new() };
    let mut frames = FrameReader::new(read);
    let ended = loop {
        tokio::select! {
            frame = frames.next() => match frame {
                Ok(Some(frame)) => if let Err(error) = channel.handle(frame) { break Err(error) },
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            },
            Some(over) = channel.tasks.join_next() => {
                // A task that panicked keeps its number, which no client uses again for long.
                if let Ok(id) = over { channel.ongoing.remove(&id); }
            },
            written = &mut writer => break written.unwrap_or_else(|lost| Err(io::Error::other(lost))),
        }
    };
    channel.closing.cancel();
    while channel.tasks.join_next().await.is_some() {}
    writer.abort();
    ended
}

struct Channel {
    setting: Arc<Setting>,
    out: mpsc::Sender<Frame>,
    closing: CancellationToken,
    ongoing: BTreeMap<u32, Ongoing>,
    tasks: JoinSet<u32>,
}

impl Channel {
    fn handle(&mut self, frame: Frame) -> io::Result<()> {
        match frame.kind {
            FrameKind::Request => self.start(&frame),
            FrameKind::Ping => {
                // A full queue moves: that is a sign of life as well.
                let _ = self.out.try_send(Frame::empty(FrameKind::Pong, 0));
            }
            _ => {
                if let Some(ongoing) = self.ongoing.get(&frame.request)
                    && !ongoing.deliver(frame)
                {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a request was sent more than it can take"));
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, frame: &Frame) {
        let id = frame.request;
        if self.ongoing.contains_key(&id) {
            return;
        }
        let (ongoing, exchange) = open(id, self.out.clone(), &self.closing);
        let request = if self.ongoing.len() < MOST {
            serde_json::from_slice(&frame.payload)
                .map_err(|error| Error::invalid("request", "the request cannot be read").source(error))
        } else {
            Err(Error::new(ErrorKind::Conflict, "too many requests at once").hint("wait for some of them to end"))
        };
        self.ongoing.insert(id, ongoing);
        let setting = Arc::clone(&self.setting);
        self.tasks.spawn(async move {
            let cancelled = exchange.cancelled.clone();
            answer(&setting, request, exchange, &cancelled).await;
            id
        });
    }
}

/// Carries out one request. It looks at `cancelled` itself where its end is more than being dropped.
async fn answer(setting: &Setting, request: Result<Request>, exchange: Exchange, cancelled: &CancellationToken) {
    let (input, replies) = exchange.split();
    let result = match request {
        Ok(Request::Exec(asked)) => exec::run(setting, asked, input, &replies, cancelled).await,
        Ok(Request::Check { check: asked, timeout_ms }) => {
            tokio::select! {
                result = check::run(&asked, Duration::from_millis(timeout_ms), &replies) => result,
                () = cancelled.cancelled() => return,
            }
        }
        Ok(request) => {
            tokio::select! {
                result = files::run(setting, request, input, &replies) => result,
                () = cancelled.cancelled() => return,
            }
        }
        Err(error) => Err(error),
    };
    if let Err(error) = result {
        refuse(&replies, &error, cancelled).await;
    }
}

async fn refuse(replies: &Replies, error: &Error, cancelled: &CancellationToken) {
    tokio::select! {
        () = replies.failed(error) => {}
        () = cancelled.cancelled() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspace_is_wherever_the_root_is() {
        let root = Path::new("/srv/volumes/v1");
        let at = |cwd| working_dir(root, cwd).to_str().unwrap().to_owned();
        assert_eq!(at(None), "/srv/volumes/v1");
        assert_eq!(at(Some("/workspace")), "/srv/volumes/v1");
        assert_eq!(at(Some("/workspace/src")), "/srv/volumes/v1/src");
        assert_eq!(at(Some("src")), "/srv/volumes/v1/src");
        assert_eq!(at(Some("/tmp")), "/tmp");
        assert_eq!(at(Some("/workspaces")), "/workspaces");
    }
}
