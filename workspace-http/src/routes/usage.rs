//! What workspaces had while they ran.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::{OwnerId, WorkspaceId};

use crate::auth::Identity;
use crate::extract::{Id, Query};
use crate::problem::Problem;
use crate::state::Api;
use crate::wire::{Usage, WindowQuery, WorkspaceUsage};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(usage)).routes(routes!(of_workspace))
}

/// Whose.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct OwnerQuery {
    /// Only administrators name others; without it they see everyone's.
    owner: Option<String>,
}

/// What workspaces had while they ran: reserved cores and memory times seconds, summed from recorded intervals.
#[utoipa::path(
    get, path = "/usage", tag = "usage", params(OwnerQuery, WindowQuery),
    responses((status = 200, description = "The sums", body = Usage))
)]
async fn usage(
    State(api): State<Api>,
    Identity(caller): Identity,
    Query(whose): Query<OwnerQuery>,
    Query(window): Query<WindowQuery>,
) -> Result<Json<Usage>, Problem> {
    let owner = whose.owner.map(OwnerId::new);
    Ok(Json(api.orchestrator().usage(&caller, owner, window.into()).await?.into()))
}

/// What one workspace had while it ran, interval by interval.
#[utoipa::path(
    get, path = "/workspaces/{id}/usage", tag = "usage", params(("id" = String, Path), WindowQuery),
    responses((status = 200, description = "The sums and the intervals", body = WorkspaceUsage))
)]
async fn of_workspace(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(window): Query<WindowQuery>,
) -> Result<Json<WorkspaceUsage>, Problem> {
    Ok(Json(api.orchestrator().workspace_usage(&caller, id, window.into()).await?.into()))
}
