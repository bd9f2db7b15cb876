//! A channel on stdin and stdout.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::signal::unix::{SignalKind, signal};

use crate::channel::serve::{ChannelSetup, serve_channel};
use crate::process::ProcessHost;

/// Serves a channel on this process's stdin and stdout, with the files below `root`, until stdin ends or the process
/// is asked to end. For a program that does nothing else: it adopts the orphans of what it starts.
///
/// # Errors
/// As [`serve_channel`].
pub async fn serve_stdio(root: &Path) -> io::Result<()> {
    let setup = ChannelSetup::new(root, ProcessHost::adopting()?);
    let mut asked = signal(SignalKind::terminate())?;
    let serving = async {
        // The fast way needs pipes; anything else goes through threads.
        match (pipe(io::stdin().as_fd()), pipe(io::stdout().as_fd())) {
            (Some(stdin), Some(stdout)) => {
                let read = Receiver::from_owned_fd(stdin)?;
                let write = Sender::from_owned_fd(stdout)?;
                serve_channel(read, write, setup).await
            }
            _ => serve_channel(tokio::io::stdin(), tokio::io::stdout(), setup).await,
        }
    };
    tokio::select! {
        served = serving => served,
        // Dropping the channel ends what runs in it.
        _ = asked.recv() => Ok(()),
    }
}

/// A descriptor of our own when it is a pipe.
pub(crate) fn pipe(descriptor: impl AsFd) -> Option<OwnedFd> {
    let own = descriptor.as_fd().try_clone_to_owned().ok()?;
    let file = File::from(own);
    let is_pipe = file.metadata().is_ok_and(|data| std::os::unix::fs::FileTypeExt::is_fifo(&data.file_type()));
    is_pipe.then(|| file.into())
}
