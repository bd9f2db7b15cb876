//! The long-lived stream into a running container: programs and files.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Result;

/// The largest file that goes through a channel in one piece: 64 MiB.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// A program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecRequest {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it starts, absolute or below `/workspace`; `/workspace` when absent.
    pub cwd: Option<String>,
    /// Added to the container's environment; not visible outside the program.
    pub env: BTreeMap<String, String>,
    /// Written to its stdin, which is then closed.
    pub stdin: Option<Bytes>,
    /// After this it is ended with everything that it started.
    pub timeout: Duration,
    /// Output beyond this many bytes, both streams together, is dropped.
    pub output_limit: u64,
}

impl ExecRequest {
    /// A program in `/workspace` with 30 seconds and 1 MiB of output.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            cwd: None,
            env: BTreeMap::new(),
            stdin: None,
            timeout: Duration::from_secs(30),
            output_limit: 1 << 20,
        }
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecEnd {
    /// By itself, with this code; 128 + n for signal n.
    Exited(i32),
    /// At its time limit, with everything that it started.
    TimeLimit,
}

/// What a running program does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecEvent {
    /// It wrote to its standard output.
    Stdout(Bytes),
    /// It wrote to its standard error.
    Stderr(Bytes),
    /// It ended; nothing follows.
    Ended {
        /// How.
        end: ExecEnd,
        /// Whether output was dropped.
        truncated: bool,
        /// From start to end, as the container saw it.
        duration: Duration,
    },
}

/// The events of one program. Dropping the stream ends the program with everything that it started.
pub type ExecStream = BoxStream<'static, Result<ExecEvent>>;

/// Something that should answer inside of the container, at its own 127.0.0.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortCheck {
    /// It takes connections.
    Tcp {
        /// Where.
        port: u16,
    },
    /// It answers `GET` with 200 to 399; redirections are not followed.
    Http {
        /// Where.
        port: u16,
        /// The path with its query, `/` first.
        path: String,
    },
}

/// What kind of thing a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link, not followed.
    Symlink,
    /// Anything else.
    Other,
}

/// A file, folder or link below `/workspace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The path relative to `/workspace`, with `/`; bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes of a file.
    pub size: u64,
    /// The permission bits.
    pub mode: u32,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// A file with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContent {
    /// What it is.
    pub entry: FileEntry,
    /// What is in it.
    pub bytes: Bytes,
}

/// A stream into one running container that carries many requests at once.
///
/// # Contract
/// - Paths are relative to `/workspace`, without `..`; a path that leaves it through a link is refused with
///   [`Invalid`](crate::error::ErrorKind::Invalid).
/// - `exec` answers when the program was started. A program that does not exist gives
///   [`ProgramNotFound`](crate::error::ErrorKind::ProgramNotFound).
/// - A program that ends by itself leaves what it started in the background alone, and its end does not wait for it.
/// - When the channel breaks, every program that still runs in it is ended with everything that it started, streams
///   end with [`Unreachable`](crate::error::ErrorKind::Unreachable), and `is_open` turns false for good.
/// - `write_file` is atomic: readers see the old content or the new.
///
/// # Implementing
/// Run `workspace_core::testing::conformance::channel` against it. Over any pair of byte streams,
/// [`crate::channel::ChannelClient`] does it.
///
/// # Backends differ in
/// | | worker (Docker, local) | plain `docker exec` |
/// |---|---|---|
/// | files, checks of ports | yes | no ([`WorkerImageMissing`](crate::error::ErrorKind::WorkerImageMissing)) |
/// | process tree ended at the limit | yes; local: not what cut itself off and cleared its environment | no |
#[async_trait]
pub trait Channel: Debug + Send + Sync + 'static {
    /// Whether it still carries requests.
    fn is_open(&self) -> bool;

    /// Runs a program.
    async fn exec(&self, request: ExecRequest) -> Result<ExecStream>;

    /// Looks from inside whether something answers; `None` when it does, else why it does not, also after `limit`.
    async fn check_port(&self, check: &PortCheck, limit: Duration) -> Result<Option<String>>;

    /// Reads a file of at most [`MAX_FILE_BYTES`].
    async fn read_file(&self, path: &str) -> Result<FileContent>;

    /// Writes a file of at most [`MAX_FILE_BYTES`], making missing folders; `mode` is 0o644 when absent and the file
    /// is new.
    async fn write_file(&self, path: &str, bytes: Bytes, mode: Option<u32>) -> Result<FileEntry>;

    /// What is below a folder, `depth` levels deep (1 is the folder's own entries), sorted by path. The path of
    /// `/workspace` itself is empty.
    async fn list_files(&self, path: &str, depth: u32) -> Result<Vec<FileEntry>>;

    /// Deletes a file, a link, or a folder with everything in it.
    async fn delete_file(&self, path: &str) -> Result<()>;
}
