//! Jobs: one piece of work beside the data.

use std::fmt::Debug;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::id::{JobId, ServerId};
use crate::port::{ImageRef, Mount, VolumeSpec};
use crate::resources::Resources;
use crate::secret::Secret;

/// A job to run.
#[derive(Clone, Debug)]
pub struct JobSpec {
    /// Its id; names the container `job-<id>`.
    pub id: JobId,
    /// Where the copy is.
    pub server: ServerId,
    /// The image; `None` is the worker image.
    pub image: Option<ImageRef>,
    /// The one volume that it works on; `None` when it works on none.
    pub mount: Option<Mount>,
    /// A volume for what is kept for the next job on the same copy, made when it is missing and mounted at
    /// [`CACHE`](crate::job::CACHE). A job that cannot have it runs without.
    pub cache: Option<VolumeSpec>,
    /// What it may use.
    pub resources: Resources,
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

/// What a job does, as its server tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// There is nothing of it on the server.
    Missing,
    /// It was made and never started.
    Made,
    /// It runs.
    Running,
    /// It ended; its events can still be read.
    Ended {
        /// How its program ended.
        exit_code: Option<i64>,
        /// Whether the kernel ended it for its memory.
        out_of_memory: bool,
    },
}

/// The events of a job in order; it ends after the job's last event.
pub type JobEventStream = BoxStream<'static, Result<JobEvent>>;

/// Runs jobs beside the data.
///
/// # Contract
/// - `start` is idempotent by id. A job that was started is never started again, whatever became of it.
/// - `events` gives every event after the `after`-th, those of the past first, from any master, until the job ended.
/// - `cancel` ends the job's whole process tree; its last events can still be read. A job that does not run is ended
///   already.
/// - `remove` takes away what is left of a job, running or not; a missing one is removed already.
///
/// # Implementing
/// Run `workspace_core::testing::conformance::agent_runner` against it.
///
/// # Backends differ in
/// | | over a `Server` | local |
/// |---|---|---|
/// | outlives the master | yes | no |
#[async_trait]
pub trait AgentRunner: Debug + Send + Sync + 'static {
    /// Starts a job.
    ///
    /// # Errors
    /// [`ImageNotFound`](crate::error::ErrorKind::ImageNotFound) when the server does not have the image;
    /// [`WorkerImageMissing`](crate::error::ErrorKind::WorkerImageMissing) when there is no worker to run it.
    async fn start(&self, job: JobSpec) -> Result<()>;

    /// What a job does.
    async fn state(&self, server: ServerId, job: JobId) -> Result<JobState>;

    /// What the job said after its `after`-th event.
    async fn events(&self, server: ServerId, job: JobId, after: u64) -> Result<JobEventStream>;

    /// Ends a job.
    async fn cancel(&self, server: ServerId, job: JobId) -> Result<()>;

    /// Removes what is left of an ended job.
    async fn remove(&self, server: ServerId, job: JobId) -> Result<()>;
}
