//! The fleet and its placement.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use futures::StreamExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Identity;
use crate::extract::{Json as Body, LastEvent};
use crate::problem::Problem;
use crate::sse::{sse, stored};
use crate::state::Api;
use crate::wire::{Consistency, Explanation, Fleet, WorkspaceBody};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(fleet))
        .routes(routes!(events))
        .routes(routes!(explain))
        .routes(routes!(consistency))
}

/// The fleet in one look.
#[utoipa::path(
    get, path = "/admin/fleet", tag = "fleet", responses((status = 200, description = "The fleet", body = Fleet))
)]
async fn fleet(State(api): State<Api>, Identity(caller): Identity) -> Result<Json<Fleet>, Problem> {
    Ok(Json(api.orchestrator().fleet(&caller).await?.into()))
}

/// What happened to the fleet, and what happens from now on.
#[utoipa::path(
    get, path = "/admin/fleet/events", tag = "fleet", params(LastEvent),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream"))
)]
async fn events(
    State(api): State<Api>,
    Identity(caller): Identity,
    LastEvent(after): LastEvent,
) -> Result<Response, Problem> {
    let events = api.orchestrator().fleet_events(&caller, after)?;
    Ok(sse(&api, caller, events.map(|event| event.map(stored))))
}

/// Say where a workspace would go now, and why. Nothing is reserved.
///
/// The body is that of a new workspace; only `type`, `resources` and `placement` matter.
#[utoipa::path(
    post, path = "/admin/placement/explain", tag = "fleet", request_body = WorkspaceBody,
    responses((status = 200, description = "The choice, or why there is none", body = Explanation))
)]
async fn explain(
    State(api): State<Api>,
    Identity(caller): Identity,
    Body(body): Body<WorkspaceBody>,
) -> Result<Json<Explanation>, Problem> {
    let spec = body.into_new()?.spec;
    Ok(Json(api.orchestrator().explain_placement(&caller, spec).await?.into()))
}

/// Compare memory, the store and the servers: what servers have reserved with their reservations, memory with the store,
/// what is on the servers with the rows.
#[utoipa::path(
    get, path = "/admin/consistency", tag = "fleet",
    responses((status = 200, description = "What differs; nothing is changed", body = Consistency))
)]
async fn consistency(State(api): State<Api>, Identity(caller): Identity) -> Result<Json<Consistency>, Problem> {
    Ok(Json(api.orchestrator().consistency_check(&caller).await?.into()))
}
