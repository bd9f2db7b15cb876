//! What an agent prints, on its way to events.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::AsyncWrite;
use workspace_core::port::OutputStream;

use crate::job::events::Events;
use crate::job::mask::Masks;
use crate::process::Output;

/// The output of one agent.
#[derive(Debug)]
pub(super) struct AgentOutput<'a, W> {
    events: &'a Events<W>,
    out: Mutex<Text>,
    err: Mutex<Text>,
    /// Nothing more is kept.
    full: AtomicBool,
}

/// Bytes of one stream that are becoming text.
#[derive(Debug, Default)]
struct Text {
    /// May be the beginning of a secret.
    raw: Vec<u8>,
    /// Masked; may be the beginning of a character.
    masked: Vec<u8>,
}

impl Text {
    /// The text that is settled now. What is no UTF-8, and NUL, which not every store keeps, becomes U+FFFD.
    fn push(&mut self, masks: &Masks, bytes: &[u8], last: bool) -> String {
        self.raw.extend_from_slice(bytes);
        let settled = masks.mask(&self.raw, last, &mut self.masked);
        self.raw.drain(..settled);
        let (mut text, mut used) = (String::with_capacity(self.masked.len()), 0);
        for chunk in self.masked.utf8_chunks() {
            text.push_str(chunk.valid());
            used += chunk.valid().len();
            let invalid = chunk.invalid();
            let ends = used + invalid.len() == self.masked.len();
            let is_begun = || std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if invalid.is_empty() || (!last && ends && is_begun()) {
                continue;
            }
            text.push(char::REPLACEMENT_CHARACTER);
            used += invalid.len();
        }
        self.masked.drain(..used);
        if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
    }
}

impl<'a, W: AsyncWrite + Unpin + Send> AgentOutput<'a, W> {
    pub(super) fn new(events: &'a Events<W>) -> Self {
        Self { events, out: Mutex::default(), err: Mutex::default(), full: AtomicBool::new(false) }
    }

    /// Says what was held back; nothing follows.
    pub(super) async fn finish(&self) {
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            self.pass(stream, &[], true).await;
        }
    }

    async fn pass(&self, stream: OutputStream, bytes: &[u8], last: bool) {
        if self.full.load(Ordering::Relaxed) {
            return;
        }
        let text = {
            let text = if stream == OutputStream::Stdout { &self.out } else { &self.err };
            text.lock().unwrap_or_else(PoisonError::into_inner).push(self.events.masks(), bytes, last)
        };
        if !self.events.output(stream, &text).await {
            self.full.store(true, Ordering::Relaxed);
        }
    }
}

impl<W: AsyncWrite + Unpin + Send> Output for AgentOutput<'_, W> {
    fn write(&self, stream: OutputStream, bytes: Bytes) -> BoxFuture<'_, ()> {
        async move { self.pass(stream, &bytes, false).await }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use workspace_core::job::JobRequest;

    use super::*;

    #[test]
    fn garbage_becomes_text_wherever_it_is_cut() {
        let masks = Masks::of(&JobRequest::new("/", 1, Vec::new()));
        let bytes = b"a\xff\xc3\xbc\0\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x82";
        for cut in 0..bytes.len() {
            let mut text = Text::default();
            let said = [
                text.push(&masks, &bytes[..cut], false),
                text.push(&masks, &bytes[cut..], false),
                text.push(&masks, &[], true),
            ];
            assert_eq!(said.concat(), "a\u{fffd}ü\u{fffd}€😀\u{fffd}", "cut at {cut}");
        }
    }
}
