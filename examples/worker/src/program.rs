//! The program from its command line to its exit code.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::command::{self, Command};

/// The exit code for a wrong command line, as shells have it.
const USAGE: u8 = 2;

/// Does what the command line says.
pub fn program() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let ended = match Command::parse(&arguments) {
        Ok(command) => command.run(),
        Err(problem) => {
            say(&format!("{problem}\n\n{}", command::USAGE));
            return ExitCode::from(USAGE);
        }
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    // Nobody is left to be told when this fails.
    let _ = writeln!(io::stderr(), "worker: {text}");
}
