//! Running a program for a client.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use tokio_util::sync::CancellationToken;
use workspace_core::channel::{ExecAsked, FrameKind};
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::OutputStream;

use crate::channel::request::{Input, Replies};
use crate::channel::serve::Setting;
use crate::process::{Limits, Output, Program, carry};

impl Output for Replies {
    fn write(&self, stream: OutputStream, bytes: Bytes) -> BoxFuture<'_, ()> {
        let kind = match stream {
            OutputStream::Stdout => FrameKind::Data,
            OutputStream::Stderr => FrameKind::Stderr,
        };
        self.data(kind, bytes).boxed()
    }
}

/// Starts the program, carries it to its end and tells how it ended; a cancelled one is ended with its tree.
pub(super) async fn run(
    setting: &Setting,
    asked: ExecAsked,
    input: Input,
    replies: &Replies,
    cancelled: &CancellationToken,
) -> Result<()> {
    let program = Program {
        cwd: setting.working_dir(asked.cwd.as_deref()),
        argv: asked.argv,
        inherited: setting.inherited.clone(),
        env: asked.env,
        stdin: asked.stdin,
        marks: setting.marks.clone(),
    };
    let mut running = setting.host.spawn(program)?;
    let tree = running.tree().clone();
    let limits = Limits { timeout: Duration::from_millis(asked.timeout_ms), output: asked.output_limit };
    let pieces = stream::unfold(input, async |mut input| input.next().await.map(|bytes| (bytes, input))).boxed();
    let mut left_behind = Vec::new();
    let carried = async {
        replies.json(FrameKind::Answer, &serde_json::json!({})).await?;
        let ended = carry(&mut running, pieces, replies, limits, &mut left_behind).await?;
        replies.json(FrameKind::End, &ended).await
    };
    let result = tokio::select! {
        result = carried => Some(result),
        () = cancelled.cancelled() => None,
    };
    for pipe in left_behind {
        tokio::spawn(pipe);
    }
    let Some(result) = result else {
        tree.end().await;
        // What was waited for already answers again.
        let _ = running.wait().await;
        return Err(Error::new(ErrorKind::Cancelled, "the program was ended"));
    };
    result
}
