//! How to tell whether a running workspace does what it is for.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use workspace_core::error::{Error, Result};
use workspace_core::model::{HealthCheck, HealthSpec};

use super::Timespan;

/// How a workspace is looked at. Exactly one of `http`, `tcp`, `exec` and `file` is needed.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HealthCheck)]
pub(crate) struct HealthWish {
    /// `GET` from inside, at the container's own 127.0.0.1, is answered with 200 to 399.
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpWish>,
    /// Something takes connections there.
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<TcpWish>,
    /// A program ends with 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    exec: Option<ExecWish>,
    /// A file below `/workspace` is there: the ready marker.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ready")]
    file: Option<String>,
    /// Between one look and the next, 1 s to 1 h.
    #[serde(default = "interval")]
    #[schema(value_type = Option<String>, example = "10s")]
    interval: Timespan,
    /// For each look, 100 ms to 60 s.
    #[serde(default = "timeout")]
    #[schema(value_type = Option<String>, example = "2s")]
    timeout: Timespan,
    /// After the start, in which failures do not count until the first success; at most 1 h.
    #[serde(default = "start_period")]
    #[schema(value_type = Option<String>, example = "30s")]
    start_period: Timespan,
    /// So many failures in a row make it unhealthy, 1 to 100.
    #[serde(default = "retries")]
    #[schema(value_type = Option<u32>, example = 3)]
    retries: u32,
}

/// A page that is asked for.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HttpCheck)]
pub(crate) struct HttpWish {
    port: u16,
    #[serde(default = "root")]
    #[schema(value_type = Option<String>, example = "/")]
    path: String,
}

/// A port that takes connections.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TcpCheck)]
pub(crate) struct TcpWish {
    port: u16,
}

/// A program to run.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExecCheck)]
pub(crate) struct ExecWish {
    argv: Vec<String>,
}

const fn span(millis: u64) -> Timespan {
    Timespan(Duration::from_millis(millis))
}

/// What a check has that says nothing.
fn plain() -> HealthSpec {
    HealthSpec::new(HealthCheck::File(String::new()))
}

fn interval() -> Timespan {
    span(plain().interval_ms)
}

fn timeout() -> Timespan {
    span(plain().timeout_ms)
}

fn start_period() -> Timespan {
    span(plain().start_period_ms)
}

fn retries() -> u32 {
    plain().retries
}

fn root() -> String {
    "/".to_owned()
}

impl HealthWish {
    pub(crate) fn into_spec(self) -> Result<HealthSpec> {
        let check = match (self.http, self.tcp, self.exec, self.file) {
            (Some(HttpWish { port, path }), None, None, None) => HealthCheck::Http { port, path },
            (None, Some(TcpWish { port }), None, None) => HealthCheck::Tcp { port },
            (None, None, Some(ExecWish { argv }), None) => HealthCheck::Exec { argv },
            (None, None, None, Some(file)) => HealthCheck::File(file),
            _ => {
                return Err(Error::invalid("health", "exactly one check is needed")
                    .hint("give one of `http`, `tcp`, `exec` and `file`"));
            }
        };
        let millis = |Timespan(span): Timespan| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Ok(HealthSpec {
            check,
            interval_ms: millis(self.interval),
            timeout_ms: millis(self.timeout),
            start_period_ms: millis(self.start_period),
            retries: self.retries,
        })
    }
}

impl From<HealthSpec> for HealthWish {
    fn from(spec: HealthSpec) -> Self {
        let (mut http, mut tcp, mut exec, mut file) = (None, None, None, None);
        match spec.check {
            HealthCheck::Http { port, path } => http = Some(HttpWish { port, path }),
            HealthCheck::Tcp { port } => tcp = Some(TcpWish { port }),
            HealthCheck::Exec { argv } => exec = Some(ExecWish { argv }),
            HealthCheck::File(path) => file = Some(path),
        }
        Self {
            http,
            tcp,
            exec,
            file,
            interval: span(spec.interval_ms),
            timeout: span(spec.timeout_ms),
            start_period: span(spec.start_period_ms),
            retries: spec.retries,
        }
    }
}
