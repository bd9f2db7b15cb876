//! How to tell whether a running workspace does what it is for.

use serde::{Deserialize, Serialize};

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HealthCheck {
    /// `GET` answers with 200 to 399.
    Http {
        /// The port inside of the container.
        port: u16,
        /// The path, with `/` first.
        path: String,
    },
    /// Something takes connections.
    Tcp {
        /// The port inside of the container.
        port: u16,
    },
    /// A program ends with 0.
    Exec {
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// A file is there that can be read: the ready marker. Relative to `/workspace`.
    File(String),
}

/// How a workspace is looked at; what counts is the spec of the generation that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthSpec {
    /// What is looked at.
    pub check: HealthCheck,
    /// Milliseconds between the end of one look and the next.
    pub interval_ms: u64,
    /// Milliseconds until a look that is not answered has failed.
    pub timeout_ms: u64,
    /// Milliseconds after the start in which a failure does not count, until the first success.
    pub start_period_ms: u64,
    /// So many failures in a row make it unhealthy.
    pub retries: u32,
}

impl HealthSpec {
    /// A check with the defaults: every 10 s, at most 2 s each, 30 s to start, 3 failures.
    pub const fn new(check: HealthCheck) -> Self {
        Self { check, interval_ms: 10_000, timeout_ms: 2_000, start_period_ms: 30_000, retries: 3 }
    }
}
