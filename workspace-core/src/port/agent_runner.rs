//! Jobs: one piece of work beside the data.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::id::{FleetId, JobId, ProjectId, ServerId};
use crate::port::{ImageRef, Mount};
use crate::resources::Resources;
use crate::secret::Secret;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Runs an agent on the project's copy.
    Agent,
    /// Fills or refreshes the copy from git.
    Pull,
    /// Commits the copy and pushes it.
    Push,
    /// Writes the copy to object storage.
    Snapshot,
    /// Makes a copy from a snapshot.
    Restore,
}

/// A job to run.
#[derive(Clone, Debug)]
pub struct JobSpec {
    /// Its id; names the container `job-<id>`.
    pub id: JobId,
    /// The fleet whose label it carries.
    pub fleet: FleetId,
    /// What it does.
    pub kind: JobKind,
    /// Where the copy is.
    pub server: ServerId,
    /// Whose data it works on.
    pub project: ProjectId,
    /// The image; `None` is the worker image.
    pub image: Option<ImageRef>,
    /// The one volume that it works on.
    pub mount: Mount,
    /// What it may use.
    pub resources: Resources,
    /// Its own limit on the wall clock.
    pub time_limit: Duration,
    /// The request, one line of JSON written to its stdin: the only place where secrets may be.
    pub request: Secret,
}

/// Something a job said. Numbers start at 1 and have no holes; the first is `accepted`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobEvent {
    /// Its number.
    pub seq: u64,
    /// What kind of thing.
    pub kind: String,
    /// The facts.
    pub data: Value,
}

/// The events of a job in order; it ends after the job's last event.
pub type JobEventStream = BoxStream<'static, Result<JobEvent>>;

/// Runs jobs beside the data.
///
/// # Contract
/// - `start` is idempotent by id. A job that said `accepted` is never run again.
/// - `events` gives every event after the `after`-th, those of the past first, from any master, until the job ended.
/// - `cancel` ends the job's whole process tree; its last events can still be read.
///
/// # Implementing
/// Run `workspace_core::testing::conformance` against it.
///
/// # Backends differ in
/// | | over a `Server` | local |
/// |---|---|---|
/// | outlives the master | yes | no |
#[async_trait]
pub trait AgentRunner: Debug + Send + Sync + 'static {
    /// Starts a job.
    async fn start(&self, job: JobSpec) -> Result<()>;

    /// What the job said after its `after`-th event.
    async fn events(&self, server: ServerId, job: JobId, after: u64) -> Result<JobEventStream>;

    /// Ends a job.
    async fn cancel(&self, server: ServerId, job: JobId) -> Result<()>;

    /// Removes what is left of an ended job.
    async fn remove(&self, server: ServerId, job: JobId) -> Result<()>;
}
