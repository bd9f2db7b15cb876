//! What the JSON payloads say.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::port::{ExecEnd, PortCheck};

/// The worker's first words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the protocol that it speaks.
    pub protocol: u32,
}

impl Hello {
    /// What this version of the library speaks.
    pub const CURRENT: Self = Self { protocol: 1 };
}

/// A program to run, without its stdin, which follows as data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecAsked {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it starts.
    pub cwd: Option<String>,
    /// Added to its environment.
    pub env: BTreeMap<String, String>,
    /// Whether stdin follows; it is empty otherwise.
    pub stdin: bool,
    /// The time limit in milliseconds.
    pub timeout_ms: u64,
    /// How many bytes of output are kept.
    pub output_limit: u64,
}

/// The environment may hold secrets: only its names are shown.
impl fmt::Debug for ExecAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecAsked")
            .field("argv", &self.argv)
            .field("cwd", &self.cwd)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// Run a program. `Answer` when it was started, its output, `End` with [`ExecEnded`].
    Exec(ExecAsked),
    /// Look whether something answers at a port. `End` with [`CheckEnded`].
    Check {
        /// At which, and how.
        check: PortCheck,
        /// The time limit in milliseconds.
        timeout_ms: u64,
    },
    /// Read a file. `Answer` with its entry, `Data`, `End`.
    Read {
        /// Below the root.
        path: String,
    },
    /// Write a file: `Data` and `End` from the client, `End` with the entry from the worker.
    Write {
        /// Below the root.
        path: String,
        /// How many bytes follow.
        size: u64,
        /// The permission bits.
        mode: Option<u32>,
    },
    /// List a folder: `Data` with a JSON array of entries, `End`.
    List {
        /// Below the root.
        path: String,
        /// How many levels.
        depth: u32,
    },
    /// Delete: `End`.
    Delete {
        /// Below the root.
        path: String,
    },
}

/// What a look at a port told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckEnded {
    /// What is wrong; `None` when nothing is.
    pub problem: Option<String>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecEnded {
    /// How.
    pub end: ExecEnd,
    /// Whether output was dropped.
    pub truncated: bool,
    /// From start to end in microseconds.
    pub duration_us: u64,
}

/// An error on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireError {
    /// The code of its kind.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// The field of the request that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The kinds that a worker may answer with. It runs beside a tenant's programs: it cannot make the master believe
/// that, say, a token was refused.
const KINDS: [ErrorKind; 8] = [
    ErrorKind::Invalid,
    ErrorKind::Conflict,
    ErrorKind::ProgramNotFound,
    ErrorKind::FileNotFound,
    ErrorKind::DiskFull,
    ErrorKind::Unsupported,
    ErrorKind::Cancelled,
    ErrorKind::Internal,
];

/// The longest text of a foreign error that is passed on, in characters.
const MAX_TEXT: usize = 1_000;

impl From<&Error> for WireError {
    fn from(error: &Error) -> Self {
        Self {
            code: error.kind().code().to_owned(),
            message: error.chain(),
            field: error.field().map(str::to_owned),
            hint: error.next_step().map(str::to_owned),
        }
    }
}

impl From<WireError> for Error {
    fn from(wire: WireError) -> Self {
        let short = |text: String| text.chars().take(MAX_TEXT).collect::<String>();
        let kind = KINDS.into_iter().find(|kind| kind.code() == wire.code).unwrap_or(ErrorKind::Internal);
        let error = match wire.field {
            Some(field) if kind == ErrorKind::Invalid => Self::invalid(short(field), short(wire.message)),
            _ => Self::new(kind, short(wire.message)),
        };
        match wire.hint {
            Some(hint) => error.hint(short(hint)),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_travel_and_a_worker_cannot_claim_every_kind() {
        let error = Error::invalid("path", "the path leaves the workspace").hint("leave out `..`");
        let back = Error::from(WireError::from(&error));
        assert_eq!((back.kind(), back.message(), back.field()), (error.kind(), error.message(), error.field()));
        assert_eq!(back.next_step(), error.next_step());
        let forged = WireError::from(&Error::new(ErrorKind::Unauthenticated, "no"));
        assert_eq!(Error::from(forged).kind(), ErrorKind::Internal);
    }

    #[test]
    fn debug_shows_no_value_of_the_environment() {
        let asked = ExecAsked {
            argv: vec!["true".to_owned()],
            cwd: None,
            env: BTreeMap::from([("TOKEN".to_owned(), "hunter2".to_owned())]),
            stdin: false,
            timeout_ms: 1,
            output_limit: 1,
        };
        let text = format!("{:?}", Request::Exec(asked));
        assert!(text.contains("TOKEN") && !text.contains("hunter2"), "{text}");
    }
}
