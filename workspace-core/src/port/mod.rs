//! The ports: what a fleet needs from the outside world, one trait per concern.
//!
//! Every trait states its contract, how to implement it and where backends differ. Each has a public conformance
//! suite in [`crate::testing::conformance`] (feature `testing`).

mod agent_runner;
mod change;
mod channel;
mod container;
mod image;
mod network;
mod object_labels;
mod server;
mod server_pool;
mod session_namer;
mod state_store;
mod sync_backend;
mod volume_store;

pub use agent_runner::{AgentRunner, JobEvent, JobEventStream, JobSpec, JobState};
pub use change::{Change, Horizon, Outcome, Refused, Write};
pub use channel::{
    Channel, ExecEnd, ExecEvent, ExecRequest, ExecStream, FileContent, FileEntry, FileKind, MAX_FILE_BYTES, PortCheck,
};
pub use container::{
    ContainerSpec, ContainerState, ContainerStats, ContainerStatus, Created, LogChunk, LogOptions, LogStream, Mount,
    OutputStream, Profile,
};
pub use image::{ImageRef, PullPolicy, RegistryCredentials};
pub use network::{NetworkSpec, NetworkSummary};
pub use object_labels::{ObjectKind, ObjectLabels};
pub use server::{Containers, Images, Networks, Server};
pub use server_pool::ServerPool;
pub use session_namer::SessionNamer;
pub use state_store::{
    AuditFilter, DataFilter, JobFilter, Page, PageRequest, StateStore, UsageFilter, WorkspaceFilter,
};
pub use sync_backend::{SyncBackend, SyncReport, SyncRequest, Version};
pub use volume_store::{VolumeSpec, VolumeStore, VolumeSummary};
