//! What the worker can be told to do.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;

use workspace_fleet::local;

use crate::job;

/// The help text.
pub(crate) const USAGE: &str = "\
usage: worker channel          serve a channel on stdin and stdout until stdin ends
       worker job              do the one job that stdin asks for, and tell of it on stdout
       worker prepare <dir>    make a folder, with those above it, that belongs to 1000:1000
       worker remove <dir>     remove a folder with everything in it; a missing one is removed already
       worker usage <dir>      print how many bytes of the disk a folder takes
       worker is-empty <dir>   print whether there is nothing at all in a folder, true or false

The files of a channel are those below /workspace, or below $WORKSPACE_ROOT; a job works there too where that is set.";

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Serve a channel.
    Channel,
    /// Serve a job.
    Job,
    /// Make a folder.
    Prepare(PathBuf),
    /// Remove a folder.
    Remove(PathBuf),
    /// Measure a folder.
    Usage(PathBuf),
    /// Look whether there is anything in a folder.
    IsEmpty(PathBuf),
}

impl Command {
    /// Reads a command line without the program's name.
    pub(crate) fn parse(arguments: &[OsString]) -> Result<Self, String> {
        let (name, rest) = arguments.split_first().ok_or("a command is needed")?;
        let folder = || match rest {
            [folder] if !folder.is_empty() => Ok(PathBuf::from(folder)),
            [] => Err(format!("{} needs a folder", name.display())),
            _ => Err(format!("{} takes exactly one folder", name.display())),
        };
        match name.to_str() {
            Some("channel") if rest.is_empty() => Ok(Self::Channel),
            Some("job") if rest.is_empty() => Ok(Self::Job),
            Some(name @ ("channel" | "job")) => Err(format!("{name} takes no arguments")),
            Some("prepare") => folder().map(Self::Prepare),
            Some("remove") => folder().map(Self::Remove),
            Some("usage") => folder().map(Self::Usage),
            Some("is-empty") => folder().map(Self::IsEmpty),
            _ => Err(format!("there is no command {}", name.display())),
        }
    }

    /// Does it, and answers with the exit code.
    pub(crate) fn run(self) -> io::Result<u8> {
        match self {
            Self::Channel => serve_channel()?,
            Self::Job => return job::serve(),
            Self::Prepare(folder) => local::prepare_folder(&folder)?,
            Self::Remove(folder) => local::remove_folder(&folder)?,
            Self::Usage(folder) => writeln!(io::stdout(), "{}", local::folder_usage(&folder)?)?,
            Self::IsEmpty(folder) => writeln!(io::stdout(), "{}", local::folder_is_empty(&folder)?)?,
        }
        Ok(0)
    }
}

fn serve_channel() -> io::Result<()> {
    let root = std::env::var_os("WORKSPACE_ROOT").map_or_else(|| "/workspace".into(), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(local::serve_stdio(&root));
    // A thread that still reads a file, or a stdin that is no pipe, must not hold up the end.
    runtime.shutdown_background();
    served
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<Command, String> {
        Command::parse(&line.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn commands_and_wrong_ones() {
        assert_eq!(parse(&["channel"]), Ok(Command::Channel));
        assert_eq!(parse(&["job"]), Ok(Command::Job));
        assert_eq!(parse(&["usage", "/data/v"]), Ok(Command::Usage("/data/v".into())));
        for wrong in
            [&[][..], &["remove"], &["remove", ""], &["remove", "a", "b"], &["channel", "x"], &["job", "x"], &["agent"]]
        {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
