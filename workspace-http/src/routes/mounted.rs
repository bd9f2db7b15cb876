//! Which project a workspace mounts.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::{ProjectId, WorkspaceId};

use crate::auth::Identity;
use crate::extract::{Id, Json as Body, PageQuery, Query, WaitQuery};
use crate::problem::Problem;
use crate::routes::projects::{shown, shown_page};
use crate::settle::Settle;
use crate::state::Api;
use crate::wire::{MountBody, Page, Project, Workspace};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(mounted))
        .routes(routes!(compatible))
        .routes(routes!(assign))
        .routes(routes!(unassign))
        .routes(routes!(switch))
}

/// The project of a workspace: always one.
#[utoipa::path(
    get, path = "/workspaces/{id}/projects", tag = "projects", params(("id" = String, Path)),
    responses((status = 200, description = "The list of it", body = Page<Project>))
)]
async fn mounted(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
) -> Result<Json<Page<Project>>, Problem> {
    let row = api.orchestrator().workspace(&caller, id).await?;
    let project = api.orchestrator().project(&caller, row.desired.project).await?;
    Ok(Json(Page::new(vec![shown(&api, project).await], None)))
}

/// Projects that a workspace could be given now: of its owner and its type, and of no other workspace.
#[utoipa::path(
    get, path = "/workspaces/{id}/compatible-projects", tag = "projects", params(("id" = String, Path), PageQuery),
    responses((status = 200, description = "A part of the list; it may be shorter than asked for", body = Page<Project>))
)]
async fn compatible(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Project>>, Problem> {
    let page = api.orchestrator().compatible_projects(&caller, id, page.request()?).await?;
    Ok(Json(shown_page(&api, page).await))
}

/// Give a project to a workspace that has an unnamed one, as a switch does. A project without a type gets the
/// workspace's.
#[utoipa::path(
    post, path = "/workspaces/{id}/assign-project", tag = "projects", request_body = MountBody,
    params(("id" = String, Path), WaitQuery),
    responses(
        (status = 200, description = "It is at rest, also in `error` with the project that it had", body = Workspace),
        (status = 202, description = "It is being switched", body = Workspace)
    )
)]
async fn assign(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(wait): Query<WaitQuery>,
    Body(body): Body<MountBody>,
) -> Result<Response, Problem> {
    let settle = Settle::new(&api, &caller, &wait)?;
    let row = api.orchestrator().assign_project(&caller, id, ProjectId::from_uuid(body.project)).await?;
    settle.answer(row, StatusCode::OK).await
}

/// Take the project of a workspace away. It gets an empty, unnamed one; the project that it had stays as it is.
#[utoipa::path(
    post, path = "/workspaces/{id}/unassign-project", tag = "projects", params(("id" = String, Path), WaitQuery),
    responses(
        (status = 200, description = "It is at rest, also in `error` with the project that it had", body = Workspace),
        (status = 202, description = "It is being switched", body = Workspace)
    )
)]
async fn unassign(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(wait): Query<WaitQuery>,
) -> Result<Response, Problem> {
    let settle = Settle::new(&api, &caller, &wait)?;
    let row = api.orchestrator().unassign_project(&caller, id).await?;
    settle.answer(row, StatusCode::OK).await
}

/// Give a workspace another project. It is stopped, goes to the server with that data, and is started if it ran. The
/// project that it had stays as it is.
#[utoipa::path(
    post, path = "/workspaces/{id}/switch-project", tag = "projects", request_body = MountBody,
    params(("id" = String, Path), WaitQuery),
    responses(
        (status = 200, description = "It is at rest, also in `error` with the project that it had", body = Workspace),
        (status = 202, description = "It is being switched", body = Workspace)
    )
)]
async fn switch(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(wait): Query<WaitQuery>,
    Body(body): Body<MountBody>,
) -> Result<Response, Problem> {
    let settle = Settle::new(&api, &caller, &wait)?;
    let row = api.orchestrator().switch_project(&caller, id, ProjectId::from_uuid(body.project)).await?;
    settle.answer(row, StatusCode::OK).await
}
