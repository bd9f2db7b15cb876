//! What is done with a server, and what is on it.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use futures::StreamExt;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::ServerId;

use crate::auth::Identity;
use crate::extract::{Id, LastEvent, PageQuery, Query};
use crate::problem::Problem;
use crate::settle::shown;
use crate::sse::{sse, stored};
use crate::state::Api;
use crate::wire::{Page, Server, ServerStats, Workspace};

use super::servers::answer;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(cordon))
        .routes(routes!(uncordon))
        .routes(routes!(drain))
        .routes(routes!(stats))
        .routes(routes!(workspaces))
        .routes(routes!(events))
}

/// No new work for a server; what is there stays.
#[utoipa::path(
    post, path = "/admin/servers/{id}/cordon", tag = "servers", params(("id" = String, Path)),
    responses((status = 200, description = "It is cordoned", body = Server))
)]
async fn cordon(State(api): State<Api>, Identity(caller): Identity, Id(id): Id<ServerId>) -> Result<Response, Problem> {
    let state = api.orchestrator().cordon_server(&caller, id).await?;
    answer(&api, StatusCode::OK, state)
}

/// New work for a server again.
#[utoipa::path(
    post, path = "/admin/servers/{id}/uncordon", tag = "servers", params(("id" = String, Path)),
    responses((status = 200, description = "It is open", body = Server))
)]
async fn uncordon(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ServerId>,
) -> Result<Response, Problem> {
    let state = api.orchestrator().uncordon_server(&caller, id).await?;
    answer(&api, StatusCode::OK, state)
}

/// No new work for a server, and what is there moves away.
///
/// Each workspace is stopped, its data is written to a snapshot and made anew from it on another server, and it goes on
/// there. The server's events tell how far it is; when nothing is left it is cordoned and may be removed. To cordon or
/// to uncordon it ends the drain: what is on its way arrives.
#[utoipa::path(
    post, path = "/admin/servers/{id}/drain", tag = "servers", params(("id" = String, Path)),
    responses((status = 200, description = "It is being drained", body = Server))
)]
async fn drain(State(api): State<Api>, Identity(caller): Identity, Id(id): Id<ServerId>) -> Result<Response, Problem> {
    let state = api.orchestrator().drain_server(&caller, id).await?;
    answer(&api, StatusCode::OK, state)
}

/// What a server tells of itself now.
#[utoipa::path(
    get, path = "/admin/servers/{id}/stats", tag = "servers", params(("id" = String, Path)),
    responses((status = 200, description = "Its word", body = ServerStats))
)]
async fn stats(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ServerId>,
) -> Result<Json<ServerStats>, Problem> {
    let state = api.orchestrator().server(&caller, id).await?;
    let probe = api.orchestrator().server_stats(&caller, id).await?;
    Ok(Json(ServerStats::new(&state, probe)))
}

/// The workspaces on a server.
#[utoipa::path(
    get, path = "/admin/servers/{id}/workspaces", tag = "servers", params(("id" = String, Path), PageQuery),
    responses((status = 200, description = "A part of the list", body = Page<Workspace>))
)]
async fn workspaces(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ServerId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Workspace>>, Problem> {
    let page = api.orchestrator().workspaces_on(&caller, id, page.request()?).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(shown(&api, row).await);
    }
    Ok(Json(Page::new(items, page.next)))
}

/// What happened to a server, and what happens from now on.
#[utoipa::path(
    get, path = "/admin/servers/{id}/events", tag = "servers", params(("id" = String, Path), LastEvent),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream"))
)]
async fn events(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ServerId>,
    LastEvent(after): LastEvent,
) -> Result<Response, Problem> {
    let events = api.orchestrator().server_events(&caller, id, after).await?;
    Ok(sse(&api, caller, events.map(|event| event.map(stored))))
}
