//! What happened to a workspace.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::WorkspaceId;

use crate::auth::Identity;
use crate::extract::{Id, LastEvent, PageQuery, Query, wants};
use crate::problem::Problem;
use crate::sse::{EVENT_STREAM, sse, stored};
use crate::state::Api;
use crate::wire::{Event, Page};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(events))
}

/// What happened to a workspace, and what happens from now on.
///
/// With `Accept: application/json` one part of it as a list, else a stream.
#[utoipa::path(
    get, path = "/workspaces/{id}/events", tag = "workspaces", params(("id" = String, Path), LastEvent, PageQuery),
    responses((
        status = 200, description = "Server-sent events, or a part of the list",
        content((String = "text/event-stream"), (Page<Event> = "application/json"))
    ))
)]
async fn events(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    LastEvent(after): LastEvent,
    Query(page): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !wants(&headers, "application/json") || wants(&headers, EVENT_STREAM) {
        let events = api.orchestrator().workspace_events(&caller, id, after).await?;
        return Ok(sse(&api, caller, events.map(|event| event.map(stored))));
    }
    let after = page.number()?.unwrap_or(after);
    let limit = page.limit()?;
    let events = api.orchestrator().workspace_events_page(&caller, id, after, limit).await?;
    let full = events.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next_cursor = events.last().filter(|_| full).map(|event| event.seq.to_string());
    Ok(Json(Page { items: events.into_iter().map(Event::from).collect(), next_cursor }).into_response())
}
