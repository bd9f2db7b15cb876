//! The protocol of a job: one request in, numbered events out.
//!
//! A job is one run of the worker, `/.fleet/worker job`, in a container of its own that mounts one project's volume,
//! and, where it takes a snapshot and runs no agent, what earlier ones kept beside that.
//!
//! - It reads **one line** from stdin, a [`JobRequest`] as JSON: the only place where secrets are. Without one it ends
//!   and does nothing.
//! - It writes [`JobEvent`](crate::port::JobEvent)s to stdout, one JSON object a line of at most [`LINE_BYTES`],
//!   numbered from 1. The first is [`ACCEPTED`]; the last is [`FINISHED`], and says that every step came to its end.
//! - Its events take at most [`EVENT_BYTES`]; what an agent says beyond that is dropped after [`TRUNCATED`], the
//!   reports of its steps never are.
//! - `SIGTERM` cancels: the whole process tree is ended, the step that was under way fails with `cancelled`.
//! - The exact text of every secret of the request is masked in everything that it writes.
//!
//! The server keeps what was written: a master that comes later finds the job by its labels and reads on by number.

mod lines;
mod request;
mod server_jobs;

pub use lines::Lines;
pub use request::{AgentStep, GitAuthor, GitRemote, JobRequest, JobStep, SnapshotPlace};
pub use server_jobs::{ServerJobs, WORKER};

/// Where the data is in a job's container.
pub const TREE: &str = "/workspace";

/// Where a job finds what earlier ones on the same copy kept.
pub const CACHE: &str = "/.fleet-cache";

/// The longest line of an event, in bytes.
pub const LINE_BYTES: usize = 12 << 10;

/// The most that the events of one job take together, in bytes.
pub const EVENT_BYTES: u64 = 24 << 20;

/// The first event: the request was read whole, and the work begins.
pub const ACCEPTED: &str = "accepted";

/// Something that an agent printed: `{"stream": "stdout" | "stderr", "text": ".."}`.
pub const OUTPUT: &str = "output";

/// The agent said more than is kept.
pub const TRUNCATED: &str = "output.truncated";

/// A step came to its end: a [`StepReport`](crate::model::StepReport).
pub const STEP: &str = "step";

/// The last event: `{}`.
pub const FINISHED: &str = "finished";
