//! What is seen of workspaces.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::WorkspaceId;
use workspace_core::model::Scope;
use workspace_core::port::{PageRequest, WorkspaceFilter};

use crate::auth::Identity;
use crate::extract::Id;
use crate::problem::Problem;
use crate::state::Api;
use crate::wire::{Page, Sum, WorkspaceStats, WorkspaceStatus, WorkspaceSummary, WorkspaceType};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(types)).routes(routes!(summary)).routes(routes!(status)).routes(routes!(stats))
}

/// The kinds of workspace of the configuration: what requests give as `type`.
#[utoipa::path(
    get, path = "/workspaces/types", tag = "workspaces",
    responses((status = 200, description = "All of them", body = Page<WorkspaceType>))
)]
async fn types(State(api): State<Api>, Identity(caller): Identity) -> Result<Json<Page<WorkspaceType>>, Problem> {
    caller.require(Scope::WorkspacesRead)?;
    let types = api.orchestrator().templates().map(|(name, template)| WorkspaceType::new(name, template));
    Ok(Json(Page::whole(types.collect())))
}

/// The caller's workspaces in one look; administrators see those of everyone.
#[utoipa::path(
    get, path = "/workspaces/stats", tag = "workspaces",
    responses((status = 200, description = "How many, and what they ask for", body = WorkspaceSummary))
)]
async fn summary(State(api): State<Api>, Identity(caller): Identity) -> Result<Json<WorkspaceSummary>, Problem> {
    let (mut sum, mut page) = (Sum::default(), PageRequest { after: None, limit: 1_000 });
    loop {
        let part = api.orchestrator().workspaces(&caller, WorkspaceFilter::default(), page).await?;
        part.items.iter().for_each(|row| sum.add(row));
        if part.next.is_none() {
            return Ok(Json(sum.into()));
        }
        page.after = part.next;
    }
}

/// What is wanted of a workspace, what was seen, and what its server says now.
#[utoipa::path(
    get, path = "/workspaces/{id}/status", tag = "workspaces", params(("id" = String, Path)),
    responses((status = 200, description = "The status", body = WorkspaceStatus))
)]
async fn status(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
) -> Result<Json<WorkspaceStatus>, Problem> {
    Ok(Json(api.orchestrator().workspace_status(&caller, id).await?.into()))
}

/// What a running workspace uses now.
#[utoipa::path(
    get, path = "/workspaces/{id}/stats", tag = "workspaces", params(("id" = String, Path)),
    responses((status = 200, description = "Its use", body = WorkspaceStats))
)]
async fn stats(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
) -> Result<Json<WorkspaceStats>, Problem> {
    Ok(Json(api.orchestrator().workspace_stats(&caller, id).await?.into()))
}
