//! What to run, and how it is started.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::io::Errno;
use tokio::process::{Child, Command};
use workspace_core::error::{Error, ErrorKind, Result};

/// The environment that a program starts from.
#[derive(Clone, Debug)]
pub(crate) enum Inherited {
    /// Ours: inside a container that is the container's.
    Ours,
    /// Nothing but these.
    Only(BTreeMap<String, OsString>),
}

/// A program to run.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) inherited: Inherited,
    pub(crate) env: BTreeMap<String, String>,
    /// Whether it gets a stdin; it is empty otherwise.
    pub(crate) stdin: bool,
    /// The variables by which its processes are found.
    pub(crate) marks: Vec<(&'static str, String)>,
}

impl Program {
    /// Starts it at the head of a process group of its own.
    pub(super) fn start(&self) -> Result<Child> {
        let Some((name, arguments)) = self.argv.split_first().filter(|(name, _)| !name.is_empty()) else {
            return Err(Error::invalid("argv", "a program is needed"));
        };
        if !self.cwd.is_dir() {
            return Err(Error::invalid("cwd", "the working directory does not exist"));
        }
        let mut command = Command::new(name);
        if let Inherited::Only(variables) = &self.inherited {
            command.env_clear().envs(variables);
        }
        for name in self.env.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(Error::invalid("env", "a name in the environment is empty or has a `=`"));
            }
        }
        command
            .args(arguments)
            .envs(&self.env)
            .envs(self.marks.iter().map(|(name, value)| (*name, value)))
            .current_dir(&self.cwd)
            .process_group(0)
            .stdin(if self.stdin { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().map_err(|error| start_error(name, error))
    }
}

fn start_error(name: &str, error: io::Error) -> Error {
    let shown: String = name.chars().take(200).collect();
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::ISDIR | Errno::NOEXEC) => {
            Error::new(ErrorKind::ProgramNotFound, format!("the program {shown} cannot be run"))
                .hint("check that the image or the workspace has it and that it is executable")
        }
        Some(Errno::TOOBIG) => Error::invalid("argv", "arguments and environment are too large")
            .hint("pass large data on stdin or in a file"),
        Some(Errno::AGAIN) => Error::new(ErrorKind::Conflict, "the workspace runs as many processes as it may")
            .hint("end some of its processes"),
        _ if error.kind() == io::ErrorKind::InvalidInput => {
            return Error::invalid("argv", "arguments and environment cannot hold NUL bytes");
        }
        _ => Error::new(ErrorKind::Internal, format!("the program {shown} could not be started")),
    }
    .source(error)
}

/// How a program ended as one number: its exit code, or 128 + n for signal n.
pub(super) fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}
