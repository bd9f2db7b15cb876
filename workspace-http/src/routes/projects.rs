//! Projects.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::{OwnerId, ProjectId};
use workspace_core::{model, port};

use crate::auth::Identity;
use crate::extract::{Creation, Id, IfMatch, Json as Body, PageQuery, Query};
use crate::problem::Problem;
use crate::settle::{with_etag, with_location};
use crate::state::Api;
use crate::wire::{BackupPolicy, CloneBody, Page, Project, ProjectBody, ProjectPatchBody};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(backup_policy, set_backup_policy))
        .routes(routes!(clone))
}

/// Which projects.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct FilterQuery {
    /// Of this owner; only administrators see others.
    owner: Option<String>,
    /// Only those that no workspace has; a part of the list may then be shorter than asked for.
    unassigned: bool,
}

pub(super) async fn shown(api: &Api, project: model::Project) -> Project {
    let server = match &project.copy {
        Some(copy) => api.server_name(copy.server).await,
        None => None,
    };
    Project::new(project, server)
}

pub(super) async fn shown_page(api: &Api, page: port::Page<model::Project>) -> Page<Project> {
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(shown(api, row).await);
    }
    Page::new(items, page.next)
}

/// The caller's projects in the order of their making; administrators see those of everyone.
#[utoipa::path(
    get, path = "/projects", tag = "projects", params(FilterQuery, PageQuery),
    responses((status = 200, description = "A part of the list", body = Page<Project>))
)]
async fn list(
    State(api): State<Api>,
    Identity(caller): Identity,
    Query(filter): Query<FilterQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Project>>, Problem> {
    let (owner, page) = (filter.owner.map(OwnerId::new), page.request()?);
    let page = if filter.unassigned {
        api.orchestrator().unassigned_projects(&caller, owner, page).await?
    } else {
        api.orchestrator().projects(&caller, owner, page).await?
    };
    Ok(Json(shown_page(&api, page).await))
}

/// Make a project. Its data is fetched when the first workspace or agent needs it.
#[utoipa::path(
    post, path = "/projects", tag = "projects", request_body = ProjectBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeats of this request harmless")),
    responses((status = 201, description = "It is recorded", body = Project))
)]
async fn create(
    State(api): State<Api>,
    Identity(caller): Identity,
    OriginalUri(uri): OriginalUri,
    Creation { body, idempotency }: Creation<ProjectBody>,
) -> Result<Response, Problem> {
    let project = api.orchestrator().create_project(&caller, body.try_into()?, idempotency).await?;
    let shown = shown(&api, project).await;
    let id = shown.id();
    Ok(with_location(with_etag(StatusCode::CREATED, shown.revision, &shown), uri.path(), id))
}

/// A project.
#[utoipa::path(
    get, path = "/projects/{id}", tag = "projects", params(("id" = String, Path)),
    responses((status = 200, description = "The project", body = Project))
)]
async fn get(State(api): State<Api>, Identity(caller): Identity, Id(id): Id<ProjectId>) -> Result<Response, Problem> {
    let shown = shown(&api, api.orchestrator().project(&caller, id).await?).await;
    Ok(with_etag(StatusCode::OK, shown.revision, &shown))
}

/// Edit a project. Its data is not touched.
#[utoipa::path(
    patch, path = "/projects/{id}", tag = "projects", request_body = ProjectPatchBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "Only this revision")),
    responses((status = 200, description = "It is changed", body = Project))
)]
async fn update(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ProjectId>,
    IfMatch(revision): IfMatch,
    Body(patch): Body<ProjectPatchBody>,
) -> Result<Response, Problem> {
    let project = api.orchestrator().patch_project(&caller, id, patch.try_into()?, revision).await?;
    let shown = shown(&api, project).await;
    Ok(with_etag(StatusCode::OK, shown.revision, &shown))
}

/// Delete a project that no workspace has, with its data. Its snapshots stay.
#[utoipa::path(
    delete, path = "/projects/{id}", tag = "projects", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone"))
)]
async fn delete(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ProjectId>,
) -> Result<StatusCode, Problem> {
    api.orchestrator().delete_project(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// When snapshots of a project are taken without being asked for.
#[utoipa::path(
    get, path = "/projects/{id}/backup-policy", tag = "projects", params(("id" = String, Path)),
    responses((status = 200, description = "The policy", body = BackupPolicy))
)]
async fn backup_policy(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ProjectId>,
) -> Result<Json<BackupPolicy>, Problem> {
    Ok(Json(api.orchestrator().project(&caller, id).await?.backup.into()))
}

/// Say when snapshots of a project are taken without being asked for.
#[utoipa::path(
    put, path = "/projects/{id}/backup-policy", tag = "projects", request_body = BackupPolicy,
    params(("id" = String, Path)), responses((status = 200, description = "The policy", body = BackupPolicy))
)]
async fn set_backup_policy(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ProjectId>,
    Body(policy): Body<BackupPolicy>,
) -> Result<Json<BackupPolicy>, Problem> {
    Ok(Json(api.orchestrator().set_backup_policy(&caller, id, policy.into()).await?.backup.into()))
}

/// Make a project with the data of another one. Its data is fetched when the first workspace or agent needs it.
#[utoipa::path(
    post, path = "/projects/{id}/clone", tag = "projects", request_body = CloneBody,
    params(
        ("id" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeats of this request harmless")
    ),
    responses((status = 201, description = "It is recorded", body = Project))
)]
async fn clone(
    State(api): State<Api>,
    Identity(caller): Identity,
    OriginalUri(uri): OriginalUri,
    Id(id): Id<ProjectId>,
    Creation { body, idempotency }: Creation<CloneBody>,
) -> Result<Response, Problem> {
    let project = api.orchestrator().clone_project(&caller, id, body.into_request()?, idempotency).await?;
    let shown = shown(&api, project).await;
    let (id, base) = (shown.id(), uri.path().split("/projects/").next().unwrap_or_default().to_owned());
    Ok(with_location(with_etag(StatusCode::CREATED, shown.revision, &shown), &format!("{base}/projects"), id))
}
