//! The fleet and its placement.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use futures::StreamExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Identity;
use crate::extract::{Json as Body, LastEvent, PageQuery, Query};
use crate::problem::Problem;
use crate::sse::{sse, stored};
use crate::state::Api;
use crate::wire::{
    AuditEntry, AuditQuery, Consistency, Explanation, Fleet, Page, ReconcileBody, Reconciled, WorkspaceBody,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(fleet))
        .routes(routes!(events))
        .routes(routes!(explain))
        .routes(routes!(consistency))
        .routes(routes!(reconcile))
        .routes(routes!(audit))
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

/// Compare memory, the store and the servers: what servers have reserved with their reservations, memory with the
/// store, what is on the servers with the rows.
#[utoipa::path(
    get, path = "/admin/consistency", tag = "fleet",
    responses((status = 200, description = "What differs; nothing is changed", body = Consistency))
)]
async fn consistency(State(api): State<Api>, Identity(caller): Identity) -> Result<Json<Consistency>, Problem> {
    Ok(Json(api.orchestrator().consistency_check(&caller).await?.into()))
}

/// Compare rows and servers right now, and see to what differs, as every pass does; or only look what it would do about
/// what no row accounts for. The body may be left out.
#[utoipa::path(
    post, path = "/admin/reconcile", tag = "fleet", request_body = ReconcileBody,
    responses((status = 200, description = "What no row accounts for, and what becomes of it", body = Reconciled))
)]
async fn reconcile(
    State(api): State<Api>,
    Identity(caller): Identity,
    body: Option<Body<ReconcileBody>>,
) -> Result<Json<Reconciled>, Problem> {
    let dry_run = body.is_some_and(|Body(body)| body.dry_run);
    Ok(Json(Reconciled::new(dry_run, api.orchestrator().reconcile(&caller, dry_run).await?)))
}

/// Who asked for what, in the order of its time: what was recorded of what callers asked for. What was refused is not
/// in it, nor what changed nothing, nor programs that were run and files that were written in a workspace.
#[utoipa::path(
    get, path = "/admin/audit", tag = "fleet", params(AuditQuery, PageQuery),
    responses((status = 200, description = "A part of the list", body = Page<AuditEntry>))
)]
async fn audit(
    State(api): State<Api>,
    Identity(caller): Identity,
    Query(filter): Query<AuditQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    Ok(Json(api.orchestrator().audit(&caller, &filter.into(), page.request()?).await?.into()))
}
