//! What happened to something: a stream from now on, or a part of the list.

use axum::Json;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::HeaderMap;
use workspace_core::event;
use workspace_core::orchestrator::{Caller, EventStream};

use crate::extract::{PageQuery, wants};
use crate::problem::Problem;
use crate::sse::{EVENT_STREAM, sse, stored};
use crate::state::Api;
use crate::wire::{Event, Page};

/// How a history was asked for.
pub(super) enum Wish {
    /// As server-sent events.
    Stream,
    /// One part of it as a list, with `Accept: application/json`.
    Part { after: u64, limit: u32 },
}

impl Wish {
    /// Reads the request; the page's cursor goes before the last event.
    pub(super) fn of(headers: &HeaderMap, page: &PageQuery, last_event: u64) -> Result<Self, Problem> {
        if !wants(headers, "application/json") || wants(headers, EVENT_STREAM) {
            return Ok(Self::Stream);
        }
        Ok(Self::Part { after: page.number()?.unwrap_or(last_event), limit: page.limit()? })
    }
}

/// Answers with the stream.
pub(super) fn streamed(api: &Api, caller: Caller, events: EventStream) -> Response {
    sse(api, caller, events.map(|event| event.map(stored)))
}

/// Answers with a part that was asked for with this limit.
pub(super) fn part(events: Vec<event::Event>, limit: u32) -> Response {
    let full = events.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next_cursor = events.last().filter(|_| full).map(|event| event.seq.to_string());
    Json(Page { items: events.into_iter().map(Event::from).collect(), next_cursor }).into_response()
}
