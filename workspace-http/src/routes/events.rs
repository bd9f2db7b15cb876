//! What happened to a workspace.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::WorkspaceId;

use super::history::{self, Wish};
use crate::auth::Identity;
use crate::extract::{Id, LastEvent, PageQuery, Query};
use crate::problem::Problem;
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
    match Wish::of(&headers, &page, after)? {
        Wish::Stream => {
            let events = api.orchestrator().workspace_events(&caller, id, after).await?;
            Ok(history::streamed(&api, caller, events))
        }
        Wish::Part { after, limit } => {
            let events = api.orchestrator().workspace_events_page(&caller, id, after, limit).await?;
            Ok(history::part(events, limit))
        }
    }
}
