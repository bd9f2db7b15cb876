//! Writing events: numbered, masked, bounded.

use std::io;

use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use workspace_core::job::{ACCEPTED, EVENT_BYTES, FINISHED, LINE_BYTES, OUTPUT, STEP, TRUNCATED};
use workspace_core::model::{Problem, StepReport};
use workspace_core::port::{JobEvent, OutputStream};

use crate::job::fit::{shorten, split, without_long_parts};
use crate::job::mask::Masks;

/// What of the bytes of a job's events is kept for the reports of its steps.
const RESERVE: u64 = 1 << 20;

/// What of a line is not the text of an output.
const FRAME: usize = 256;

/// The longest message and hint of a problem, in bytes of a line.
const MESSAGE: usize = 4 << 10;

/// The events of one job.
#[derive(Debug)]
pub(super) struct Events<W> {
    masks: Masks,
    writer: Mutex<Writer<W>>,
    /// Cancelled when nobody hears us any more: work that nobody will know of must not go on.
    unheard: CancellationToken,
}

#[derive(Debug)]
struct Writer<W> {
    write: W,
    seq: u64,
    /// Bytes that output may still take.
    left: u64,
    truncated: bool,
}

impl<W: AsyncWrite + Unpin + Send> Events<W> {
    /// Output takes at most `bytes` less what reports need.
    pub(super) fn new(write: W, masks: Masks, bytes: u64, unheard: CancellationToken) -> Self {
        let left = bytes.min(EVENT_BYTES).saturating_sub(RESERVE.min(bytes / 4));
        Self { masks, writer: Mutex::new(Writer { write, seq: 0, left, truncated: false }), unheard }
    }

    pub(super) fn masks(&self) -> &Masks {
        &self.masks
    }

    /// The request was read.
    pub(super) async fn accepted(&self) {
        self.say(ACCEPTED, json!({})).await;
    }

    /// Every step came to its end.
    pub(super) async fn finished(&self) {
        self.say(FINISHED, json!({})).await;
    }

    /// A step came to its end.
    pub(super) async fn step(&self, report: StepReport) {
        let StepReport { step, report, error } = report;
        let error = error.map(|problem| Problem {
            code: problem.code,
            message: shorten(&self.masks.text(&problem.message), MESSAGE),
            hint: problem.hint.map(|hint| shorten(&self.masks.text(&hint), MESSAGE)),
        });
        let mut report = StepReport { step, report: self.masks.value(report), error };
        let length = serde_json::to_vec(&report).map_or(usize::MAX, |line| line.len());
        if length > LINE_BYTES - FRAME {
            report.report = without_long_parts(&report.report);
        }
        // A report is numbers and text: it can always be written.
        self.say(STEP, serde_json::to_value(report).unwrap_or_default()).await;
    }

    /// An agent said something; its secrets are masked already. False when nothing more of it is kept.
    pub(super) async fn output(&self, stream: OutputStream, mut text: &str) -> bool {
        while !text.is_empty() {
            let (piece, rest) = split(text, LINE_BYTES - FRAME);
            text = rest;
            let mut writer = self.writer.lock().await;
            if writer.truncated {
                return false;
            }
            let line = writer.line(OUTPUT, json!({ "stream": stream, "text": piece }));
            let Some(left) = writer.left.checked_sub(line.len() as u64) else {
                writer.truncated = true;
                let line = writer.line(TRUNCATED, json!({}));
                self.write(&mut writer, &line).await;
                return false;
            };
            writer.left = left;
            self.write(&mut writer, &line).await;
        }
        true
    }

    async fn say(&self, kind: &str, data: Value) {
        let mut writer = self.writer.lock().await;
        let line = writer.line(kind, data);
        self.write(&mut writer, &line).await;
    }

    async fn write(&self, writer: &mut Writer<W>, line: &[u8]) {
        if self.unheard.is_cancelled() {
            return;
        }
        writer.seq += 1;
        if writer.put(line).await.is_err() {
            self.unheard.cancel();
        }
    }
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// The next line.
    fn line(&self, kind: &str, data: Value) -> Vec<u8> {
        let event = JobEvent { seq: self.seq + 1, kind: kind.to_owned(), data };
        let mut line = serde_json::to_vec(&event).unwrap_or_default();
        line.push(b'\n');
        line
    }

    async fn put(&mut self, line: &[u8]) -> io::Result<()> {
        self.write.write_all(line).await?;
        self.write.flush().await
    }
}
