//! One look at a running workspace.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{HealthCheck, HealthSpec, Workspace};
use crate::orchestrator::Core;
use crate::port::{Channel, ExecEnd, ExecEvent, ExecRequest, PortCheck};

/// A look may take so much longer than its own limit: the way there and back.
const WAY: Duration = Duration::from_secs(5);

/// What a look told.
pub(super) enum Seen {
    /// It does what it is for.
    Well,
    /// It does not; why.
    Ill(String),
    /// Nobody was there to tell.
    Nothing,
}

impl Core {
    pub(super) async fn look_at(&self, row: &Workspace, spec: &HealthSpec) -> Seen {
        let limit = Duration::from_millis(spec.timeout_ms);
        let look = async {
            let channel = self.channel(row).await?;
            checked(&*channel, &spec.check, limit).await
        };
        match timeout(limit + WAY, look).await {
            Ok(Ok(None)) => Seen::Well,
            Ok(Ok(Some(problem))) => Seen::Ill(problem),
            Ok(Err(error)) if says_nothing(&error) => {
                tracing::debug!(workspace = %row.id, error = error.chain(), "health not seen");
                Seen::Nothing
            }
            Ok(Err(error)) => Seen::Ill(error.chain()),
            Err(_elapsed) => Seen::Nothing,
        }
    }
}

/// The channel or the server is not there; whether the workspace is well is not known.
fn says_nothing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::NotRunning | ErrorKind::Cancelled)
}

/// What is wrong; `None` when nothing is.
async fn checked(channel: &dyn Channel, check: &HealthCheck, limit: Duration) -> Result<Option<String>> {
    match check {
        &HealthCheck::Tcp { port } => channel.check_port(&PortCheck::Tcp { port }, limit).await,
        HealthCheck::Http { port, path } => {
            channel.check_port(&PortCheck::Http { port: *port, path: path.clone() }, limit).await
        }
        HealthCheck::Exec { argv } => exec(channel, argv, limit).await,
        HealthCheck::File(path) => match channel.read_file(path).await {
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::FileNotFound => Ok(Some(format!("{path} is not there"))),
            Err(error) => Err(error),
        },
    }
}

async fn exec(channel: &dyn Channel, argv: &[String], limit: Duration) -> Result<Option<String>> {
    // Its output is the program's own: it could hold secrets, and nobody asked for it.
    let request = ExecRequest { timeout: limit, output_limit: 0, ..ExecRequest::new(argv.to_vec()) };
    let mut events = channel.exec(request).await?;
    while let Some(event) = events.next().await {
        if let ExecEvent::Ended { end, .. } = event? {
            return Ok(match end {
                ExecEnd::Exited(0) => None,
                ExecEnd::Exited(code) => Some(format!("the check ended with exit code {code}")),
                ExecEnd::TimeLimit => Some(format!("the check did not end within {} ms", limit.as_millis())),
            });
        }
    }
    Err(Error::new(ErrorKind::Unreachable, "the channel ended before the check did"))
}
