//! Containers: what to make, and what is seen.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Result;
use crate::port::{ImageRef, ObjectLabels};

/// Processes and threads that a container has at once, where nobody says otherwise.
const PIDS: u32 = 512;

/// How much a container is trusted. Profiles are the operator's, never the request's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// User 1000:1000, no capability, no new privileges.
    #[default]
    Strict,
    /// Root inside with the engine's default capabilities, so that people can install packages.
    Dev,
}

/// A volume in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The volume's name.
    pub volume: String,
    /// The absolute path in the container.
    pub target: String,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// A container to make. What is not here (user, capabilities, devices, host namespaces) a request can never set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Its name, unique on the server: the mutex of its making.
    pub name: String,
    /// The image.
    pub image: ImageRef,
    /// The program and its arguments; empty runs what the image says.
    pub command: Vec<String>,
    /// The environment. Never for secrets.
    pub env: BTreeMap<String, String>,
    /// Where the program starts; the image's folder when absent.
    pub working_dir: Option<String>,
    /// How much it is trusted.
    pub profile: Profile,
    /// Thousandths of a core; 0 is no limit.
    pub cpu_millis: u64,
    /// Memory and swap together in MiB; 0 is no limit.
    pub memory_mib: u64,
    /// Whole GPUs.
    pub gpus: u64,
    /// Processes and threads at once, at least one.
    pub pids: u32,
    /// Its volumes.
    pub mounts: Vec<Mount>,
    /// Its network; `None` is no network at all.
    pub network: Option<String>,
    /// TCP ports to publish on the server's own address, each on a port that the server picks.
    pub ports: Vec<u16>,
    /// Whether its stdin is kept open for [`super::Containers::start_container`]'s input.
    pub open_stdin: bool,
    /// Whose it is.
    pub labels: ObjectLabels,
}

impl ContainerSpec {
    /// A container that runs what its image says: no limits but on processes, no volumes, no network, not trusted.
    pub fn new(name: impl Into<String>, image: ImageRef, labels: ObjectLabels) -> Self {
        Self {
            name: name.into(),
            image,
            command: Vec::new(),
            env: BTreeMap::new(),
            working_dir: None,
            profile: Profile::Strict,
            cpu_millis: 0,
            memory_mib: 0,
            gpus: 0,
            pids: PIDS,
            mounts: Vec::new(),
            network: None,
            ports: Vec::new(),
            open_stdin: false,
            labels,
        }
    }
}

/// How a create went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    New,
    /// It was there with the same labels: an earlier request whose answer was lost.
    Adopted,
}

/// What a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerStatus {
    /// Made, never started.
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Ended.
    Exited,
    /// Half removed.
    Dead,
}

/// A container as the server tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerState {
    /// Its name.
    pub name: String,
    /// What it does.
    pub status: ContainerStatus,
    /// How its program ended.
    pub exit_code: Option<i64>,
    /// Whether the kernel ended it for its memory.
    pub out_of_memory: bool,
    /// When it was last started, by the server's clock.
    pub started_at: Option<Timestamp>,
    /// When it ended, by the server's clock.
    pub finished_at: Option<Timestamp>,
    /// Where its published ports are reached.
    pub ports: BTreeMap<u16, SocketAddr>,
    /// Whose it is; `None` when the labels are missing or of an unknown version.
    pub labels: Option<ObjectLabels>,
}

/// What a container uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerStats {
    /// Processor time used so far, in nanoseconds.
    pub cpu_nanos: u64,
    /// Thousandths of a core used of late.
    pub cpu_millis: u64,
    /// Memory in use without the page cache, in bytes.
    pub memory_bytes: u64,
    /// The memory limit in bytes; 0 is no limit.
    pub memory_limit_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Bytes received.
    pub network_rx_bytes: u64,
    /// Bytes sent.
    pub network_tx_bytes: u64,
}

/// Which output of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Which logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Only the last lines; `None` is all.
    pub tail: Option<u32>,
    /// Whether the stream goes on until the container ends.
    pub follow: bool,
}

/// A piece of a log, as the program wrote it: not always a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// Where it was written.
    pub stream: OutputStream,
    /// What was written.
    pub bytes: Bytes,
}

/// A log in order of writing.
pub type LogStream = BoxStream<'static, Result<LogChunk>>;
