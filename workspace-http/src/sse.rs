//! Server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use http::HeaderValue;
use serde::Serialize;
use workspace_core::error::Error;
use workspace_core::event;
use workspace_core::orchestrator::Caller;

use crate::problem::Problem;
use crate::state::Api;
use crate::utf8::Utf8Pieces;
use crate::wire;

/// How often a silent stream says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// When a client comes back after its stream broke.
const RETRY: Duration = Duration::from_secs(2);

/// The media type of streams.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// Streams events until they end, the caller's right ends, or the fleet shuts down. An error is the last event.
pub(crate) fn sse(
    api: &Api,
    caller: Caller,
    events: impl Stream<Item = Result<Event, Error>> + Send + 'static,
) -> Response {
    let api = api.clone();
    let until = async move {
        tokio::select! {
            () = api.authorizer().until_revoked(&caller) => {}
            () = api.orchestrator().until_shutdown() => {}
        }
    };
    let events = events.map(|event| event.unwrap_or_else(|error| json_event("error", Problem::from(error).document())));
    let first = stream::iter([Event::default().retry(RETRY)]);
    let all = first.chain(events.take_until(Box::pin(until))).map(Ok::<_, Infallible>);
    let mut response = Sse::new(all).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// An event with JSON data.
pub(crate) fn json_event(kind: &str, data: &impl Serialize) -> Event {
    // What goes over the wire always serializes.
    Event::default().event(kind).json_data(data).unwrap_or_default()
}

/// An event of the store with its number.
pub(crate) fn stored(event: event::Event) -> Event {
    let event = wire::Event::from(event);
    let (id, kind) = (event.seq.to_string(), event.kind.clone());
    json_event(&kind, &event.facts()).id(id)
}

/// The output of a program as events `stdout` and `stderr`.
#[derive(Debug, Default)]
pub(crate) struct Output {
    stdout: Utf8Pieces,
    stderr: Utf8Pieces,
}

impl Output {
    pub(crate) fn stdout(&mut self, bytes: &[u8]) -> Vec<Event> {
        piece("stdout", &self.stdout.push(bytes))
    }

    pub(crate) fn stderr(&mut self, bytes: &[u8]) -> Vec<Event> {
        piece("stderr", &self.stderr.push(bytes))
    }

    /// What still waits, and the last event.
    pub(crate) fn end(&mut self, last: Event) -> Vec<Event> {
        let mut events = piece("stdout", &self.stdout.finish());
        events.extend(piece("stderr", &self.stderr.finish()));
        events.push(last);
        events
    }
}

fn piece(kind: &str, text: &str) -> Vec<Event> {
    if text.is_empty() { Vec::new() } else { vec![json_event(kind, &serde_json::json!({ "data": text }))] }
}
