//! What the rules have in common.

use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt;
use tokio::time::{Instant, sleep};

use crate::environment::Environment;
use crate::error::{ErrorKind, Result};
use crate::port::{Channel, ExecEnd, ExecEvent, ExecRequest, ExecStream};

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// A shell line.
pub(super) fn shell(line: impl Into<String>) -> ExecRequest {
    ExecRequest::new(["sh".to_owned(), "-c".to_owned(), line.into()])
}

/// The name of a folder that no other rule uses.
pub(super) fn folder() -> String {
    format!("conformance-{:016x}", Environment::system().number())
}

/// What a program did from its start to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) end: ExecEnd,
    pub(super) truncated: bool,
    pub(super) duration: Duration,
}

/// Reads a stream to its end.
pub(super) async fn done(mut stream: ExecStream) -> Done {
    let (mut stdout, mut stderr) = (BytesMut::new(), BytesMut::new());
    while let Some(event) = stream.next().await {
        match event.expect("a program's stream goes on to its end") {
            ExecEvent::Stdout(bytes) => stdout.extend_from_slice(&bytes),
            ExecEvent::Stderr(bytes) => stderr.extend_from_slice(&bytes),
            ExecEvent::Ended { end, truncated, duration } => {
                assert!(stream.next().await.is_none(), "nothing follows the end of a program");
                let text = |bytes: BytesMut| String::from_utf8_lossy(&bytes).into_owned();
                return Done { stdout: text(stdout), stderr: text(stderr), end, truncated, duration };
            }
        }
    }
    unreachable!("a program's stream tells its end before it ends itself")
}

/// Runs a program to its end.
pub(super) async fn run(channel: &dyn Channel, request: ExecRequest) -> Done {
    let argv = request.argv.clone();
    let stream = channel.exec(request).await;
    done(stream.unwrap_or_else(|error| unreachable!("{argv:?} starts: {}", error.chain()))).await
}

/// Runs a shell line that must end with 0, and gives what it wrote.
pub(super) async fn told(channel: &dyn Channel, line: impl Into<String>) -> String {
    let line = line.into();
    let done = run(channel, shell(line.clone())).await;
    assert_eq!(done.end, ExecEnd::Exited(0), "{line}: {}", done.stderr);
    done.stdout.trim().to_owned()
}

/// Waits until a shell line ends with 0.
pub(super) async fn until(channel: &dyn Channel, rule: &str, line: &str) {
    let deadline = Instant::now() + PATIENCE;
    while run(channel, shell(line)).await.end != ExecEnd::Exited(0) {
        assert!(Instant::now() < deadline, "{rule}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A shell test that none of these processes lives; a zombie that nobody waited for is dead.
pub(super) fn all_dead(pids: &str) -> String {
    format!(
        "for p in $(cat {pids}); do s=$(cut -d' ' -f3 /proc/$p/stat 2>/dev/null); \
         case $s in ''|Z|X) ;; *) exit 1;; esac; done"
    )
}

/// The kind of the error that an operation must end with.
pub(super) fn refused<T>(rule: &str, result: Result<T>, expected: ErrorKind) {
    match result {
        Ok(_) => unreachable!("{rule}: it is refused"),
        Err(error) => assert_eq!(error.kind(), expected, "{rule}: {}", error.chain()),
    }
}
