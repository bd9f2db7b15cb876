//! Programs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use workspace_core::error::{Error, Result};
use workspace_core::orchestrator::ExecOutput;
use workspace_core::port::ExecRequest;

use super::Timespan;

/// The most output that one answer carries.
const MOST_OUTPUT: u64 = 16 << 20;

/// A program to run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Exec)]
pub(crate) struct ExecBody {
    /// The program and its arguments; no shell is involved.
    #[schema(example = json!(["echo", "hi"]))]
    argv: Vec<String>,
    /// Where it starts, absolute or below `/workspace`; `/workspace` when absent.
    #[serde(default)]
    cwd: Option<String>,
    /// Added to the environment of the workspace, for this program only.
    #[serde(default)]
    env: Option<BTreeMap<String, String>>,
    /// Written to its standard input, which is then closed.
    #[serde(default)]
    stdin: Option<String>,
    /// After this it is ended with everything that it started; 30 seconds when absent, at most a day.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "30s")]
    timeout: Option<Timespan>,
    /// Output beyond this many bytes, both streams together, is dropped; 1 MiB when absent, at most 16 MiB.
    #[serde(default)]
    output_limit: Option<u64>,
}

/// A shell line to run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Run)]
pub(crate) struct RunBody {
    /// What `/bin/sh -c` gets; `command` is accepted too.
    #[serde(alias = "command")]
    #[schema(example = "ls | wc -l")]
    line: String,
    /// Where it starts, absolute or below `/workspace`; `/workspace` when absent.
    #[serde(default)]
    cwd: Option<String>,
    /// Added to the environment of the workspace, for this program only.
    #[serde(default)]
    env: Option<BTreeMap<String, String>>,
    /// Written to its standard input, which is then closed.
    #[serde(default)]
    stdin: Option<String>,
    /// After this it is ended with everything that it started; 30 seconds when absent, at most a day.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "30s")]
    timeout: Option<Timespan>,
    /// Output beyond this many bytes, both streams together, is dropped; 1 MiB when absent, at most 16 MiB.
    #[serde(default)]
    output_limit: Option<u64>,
}

impl ExecBody {
    pub(crate) fn into_request(self) -> Result<ExecRequest> {
        let mut request = ExecRequest::new(self.argv);
        request.cwd = self.cwd;
        request.env = self.env.unwrap_or_default();
        request.stdin = self.stdin.map(Into::into);
        if let Some(Timespan(timeout)) = self.timeout {
            request.timeout = timeout;
        }
        if let Some(limit) = self.output_limit {
            if limit > MOST_OUTPUT {
                return Err(Error::invalid("output_limit", "an answer carries at most 16 MiB")
                    .hint("write the output to a file and read that"));
            }
            request.output_limit = limit;
        }
        Ok(request)
    }
}

impl RunBody {
    pub(crate) fn into_request(self) -> Result<ExecRequest> {
        if self.line.trim().is_empty() {
            return Err(Error::invalid("line", "the line is empty"));
        }
        let Self { line, cwd, env, stdin, timeout, output_limit } = self;
        let argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), line];
        ExecBody { argv, cwd, env, stdin, timeout, output_limit }.into_request()
    }
}

/// Everything about a program that ended by itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExecAnswer {
    /// How it ended; 128 + n for signal n.
    exit_code: i32,
    /// Its standard output; bytes that are not UTF-8 are shown as U+FFFD.
    stdout: String,
    /// Its standard error.
    stderr: String,
    /// Whether output was dropped.
    truncated: bool,
    /// From start to end.
    duration_ms: u64,
}

impl ExecAnswer {
    pub(crate) fn new(exit_code: i32, output: &ExecOutput) -> Self {
        Self {
            exit_code,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            truncated: output.truncated,
            duration_ms: u64::try_from(output.duration.as_millis()).unwrap_or(u64::MAX),
        }
    }
    /// What a problem document carries of a program that was ended.
    pub(crate) fn into_members(self) -> [(&'static str, Value); 4] {
        [
            ("stdout", self.stdout.into()),
            ("stderr", self.stderr.into()),
            ("truncated", self.truncated.into()),
            ("duration_ms", self.duration_ms.into()),
        ]
    }
}
