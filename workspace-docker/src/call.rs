//! Every call of the Engine's API that we make: its name, and how long it may take.

use std::fmt;
use std::time::{Duration, Instant};

use workspace_core::id::ServerId;

/// A call of the Engine's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "`method` and `path` say what each is")]
pub enum Call {
    Ping,
    Info,
    Version,
    ImageInspect,
    ImagePull,
    ImageLoad,
    NetworkCreate,
    NetworkList,
    NetworkRemove,
    VolumeCreate,
    VolumeInspect,
    VolumeList,
    VolumeRemove,
    ContainerCreate,
    ContainerAttach,
    ContainerStart,
    ContainerStop,
    ContainerWait,
    ContainerRemove,
    ContainerInspect,
    ContainerList,
    ContainerLogs,
    ContainerStats,
    ExecCreate,
    ExecStart,
    ExecInspect,
}

/// Health must be told in seconds.
const PROBE: Duration = Duration::from_secs(3);
/// Reading is quick, or the daemon hangs.
const READ: Duration = Duration::from_secs(10);
/// Making and removing wait for disks and for the kernel.
const CHANGE: Duration = Duration::from_mins(1);

/// The worker walks through a whole tree.
const WORK: Duration = Duration::from_mins(10);

impl Call {
    /// The HTTP method and the path, with names left out.
    const fn route(self) -> (&'static str, &'static str) {
        match self {
            Self::Ping => ("GET", "/_ping"),
            Self::Info => ("GET", "/info"),
            Self::Version => ("GET", "/version"),
            Self::ImageInspect => ("GET", "/images/{name}/json"),
            Self::ImagePull => ("POST", "/images/create"),
            Self::ImageLoad => ("POST", "/images/load"),
            Self::NetworkCreate => ("POST", "/networks/create"),
            Self::NetworkList => ("GET", "/networks"),
            Self::NetworkRemove => ("DELETE", "/networks/{name}"),
            Self::VolumeCreate => ("POST", "/volumes/create"),
            Self::VolumeInspect => ("GET", "/volumes/{name}"),
            Self::VolumeList => ("GET", "/volumes"),
            Self::VolumeRemove => ("DELETE", "/volumes/{name}"),
            Self::ContainerCreate => ("POST", "/containers/create"),
            Self::ContainerAttach => ("POST", "/containers/{name}/attach"),
            Self::ContainerStart => ("POST", "/containers/{name}/start"),
            Self::ContainerStop => ("POST", "/containers/{name}/stop"),
            Self::ContainerWait => ("POST", "/containers/{name}/wait"),
            Self::ContainerRemove => ("DELETE", "/containers/{name}"),
            Self::ContainerInspect => ("GET", "/containers/{name}/json"),
            Self::ContainerList => ("GET", "/containers/json"),
            Self::ContainerLogs => ("GET", "/containers/{name}/logs"),
            Self::ContainerStats => ("GET", "/containers/{name}/stats"),
            Self::ExecCreate => ("POST", "/containers/{name}/exec"),
            Self::ExecStart => ("POST", "/exec/{id}/start"),
            Self::ExecInspect => ("GET", "/exec/{id}/json"),
        }
    }

    /// The HTTP method.
    pub const fn method(self) -> &'static str {
        self.route().0
    }

    /// The path with names left out, such as `/containers/{name}/start`.
    pub const fn path(self) -> &'static str {
        self.route().1
    }

    /// How long the call may take; for a stream, how long it may be silent.
    pub(crate) const fn deadline(self) -> Duration {
        match self {
            Self::Ping => PROBE,
            Self::Info // runs programs to know their versions
            | Self::Version
            | Self::ImageInspect
            | Self::NetworkList
            | Self::VolumeInspect
            | Self::VolumeList
            | Self::ContainerInspect
            | Self::ContainerList
            | Self::ContainerStop // on top of the grace
            | Self::ContainerLogs
            | Self::ContainerStats
            | Self::ExecInspect => READ,
            Self::ImagePull
            | Self::ImageLoad
            | Self::NetworkCreate
            | Self::NetworkRemove
            | Self::VolumeCreate
            | Self::VolumeRemove
            | Self::ContainerCreate
            | Self::ContainerAttach
            | Self::ContainerStart
            | Self::ContainerRemove
            | Self::ExecCreate
            | Self::ExecStart => CHANGE,
            Self::ContainerWait => WORK,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, path) = self.route();
        write!(f, "{method} {path}")
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallEnd {
    /// With an answer that we can use.
    Answered,
    /// With an error status.
    Refused(u16),
    /// Without an answer: not reachable, cut, or too late.
    Failed,
    /// The caller stopped waiting.
    Dropped,
}

/// One call that ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CallRecord {
    /// To which server.
    pub server: ServerId,
    /// Which call.
    pub call: Call,
    /// When it began; calls may overlap.
    pub started: Instant,
    /// How long it took, with the connection and the whole answer; a stream until its end.
    pub duration: Duration,
    /// How it ended.
    pub end: CallEnd,
}

/// Sees every call to an Engine when it ends, streams and health checks included.
///
/// It is called on the caller's task: it must be quick and must not block.
pub trait CallObserver: fmt::Debug + Send + Sync + 'static {
    /// A call ended.
    fn observe(&self, record: &CallRecord);
}
