//! Workspaces.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use workspace_core::id::{OwnerId, ProjectId, ServerId, WorkspaceId};
use workspace_core::model::Scope;
use workspace_core::orchestrator::Caller;
use workspace_core::port::WorkspaceFilter;

use crate::auth::Identity;
use crate::extract::{Creation, Id, IfMatch, Json as Body, PageQuery, Query, WaitQuery};
use crate::problem::Problem;
use crate::settle::{Settle, shown, with_location, workspace};
use crate::state::Api;
use crate::wire::{Intent, Page, Status, Workspace, WorkspaceBody, WorkspacePatchBody};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, patch, delete))
}

/// Which workspaces; every condition that is given must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct FilterQuery {
    /// Of this owner; only administrators see others.
    owner: Option<String>,
    name: Option<String>,
    /// On the server of this name or id.
    server: Option<String>,
    /// With the project of this id.
    project: Option<Uuid>,
    #[param(inline)]
    status: Option<Status>,
    #[param(inline)]
    intent: Option<Intent>,
}

/// The caller's workspaces in the order of their making; administrators see those of everyone.
#[utoipa::path(
    get, path = "/workspaces", tag = "workspaces", params(FilterQuery, PageQuery),
    responses((status = 200, description = "A part of the list", body = Page<Workspace>))
)]
async fn list(
    State(api): State<Api>,
    Identity(caller): Identity,
    Query(filter): Query<FilterQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Workspace>>, Problem> {
    let page = page.request()?;
    let server = match &filter.server {
        Some(wanted) => match server_of(&api, &caller, wanted).await? {
            // On a server that does not exist is nothing.
            None => return Ok(Json(Page::whole(Vec::new()))),
            known => known,
        },
        None => None,
    };
    let filter = WorkspaceFilter {
        owner: filter.owner.map(OwnerId::new),
        name: filter.name,
        server,
        project: filter.project.map(ProjectId::from_uuid),
        status: filter.status.map(Into::into),
        intent: filter.intent.map(Into::into),
    };
    let page = api.orchestrator().workspaces(&caller, filter, page).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(shown(&api, row).await);
    }
    Ok(Json(Page::new(items, page.next)))
}

/// The id of the server of this name or id, for whoever may list workspaces.
async fn server_of(api: &Api, caller: &Caller, wanted: &str) -> Result<Option<ServerId>, Problem> {
    caller.require(Scope::WorkspacesRead)?;
    let servers = api.orchestrator().servers(&Caller::admin()).await?;
    let mut records = servers.iter().map(|server| &server.record);
    let found = records.find(|record| record.spec.name == wanted || record.id.to_string() == wanted);
    Ok(found.map(|record| record.id))
}

/// Make a workspace.
///
/// It is recorded with its capacity held. Without `wait` the answer is 202 with its transient state; with it 201 as
/// soon as it is at rest, also in `error`, and 202 when it is not by then.
#[utoipa::path(
    post, path = "/workspaces", tag = "workspaces", request_body = WorkspaceBody,
    params(
        WaitQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeats of this request harmless")
    ),
    responses(
        (status = 201, description = "It is at rest", body = Workspace),
        (status = 202, description = "It is being made", body = Workspace)
    )
)]
async fn create(
    State(api): State<Api>,
    Identity(caller): Identity,
    OriginalUri(uri): OriginalUri,
    Query(wait): Query<WaitQuery>,
    Creation { body, idempotency }: Creation<WorkspaceBody>,
) -> Result<Response, Problem> {
    let settle = Settle::new(&api, &caller, &wait)?;
    let row = api.orchestrator().create_workspace(&caller, body.into_new()?, idempotency).await?;
    let id = row.id;
    Ok(with_location(settle.answer(row, StatusCode::CREATED).await?, uri.path(), id))
}

/// A workspace.
#[utoipa::path(
    get, path = "/workspaces/{id}", tag = "workspaces", params(("id" = String, Path)),
    responses((status = 200, description = "The workspace", body = Workspace))
)]
async fn get(State(api): State<Api>, Identity(caller): Identity, Id(id): Id<WorkspaceId>) -> Result<Response, Problem> {
    let row = api.orchestrator().workspace(&caller, id).await?;
    Ok(workspace(&api, StatusCode::OK, row).await)
}

/// Edit a workspace.
///
/// Name, labels, times, restart and failover apply at once; image, command, env, ports and resources with the next
/// start, until which `pending_restart` is true.
#[utoipa::path(
    patch, path = "/workspaces/{id}", tag = "workspaces", request_body = WorkspacePatchBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "Only this revision")),
    responses((status = 200, description = "It is changed", body = Workspace))
)]
async fn patch(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    IfMatch(revision): IfMatch,
    Body(patch): Body<WorkspacePatchBody>,
) -> Result<Response, Problem> {
    let row = api.orchestrator().patch_workspace(&caller, id, patch.into_patch()?, revision).await?;
    Ok(workspace(&api, StatusCode::OK, row).await)
}

/// Delete a workspace, whatever it does now.
///
/// Its container, network and capacity are given back, and with an unnamed project its data. Without `wait` the answer
/// is 202; with it 200 as soon as it is `deleted`.
#[utoipa::path(
    delete, path = "/workspaces/{id}", tag = "workspaces",
    params(
        ("id" = String, Path), WaitQuery,
        ("If-Match" = Option<String>, Header, description = "Only this revision")
    ),
    responses(
        (status = 200, description = "It is gone", body = Workspace),
        (status = 202, description = "It is being deleted", body = Workspace)
    )
)]
async fn delete(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    IfMatch(revision): IfMatch,
    Query(wait): Query<WaitQuery>,
) -> Result<Response, Problem> {
    let settle = Settle::new(&api, &caller, &wait)?;
    let row = api.orchestrator().delete_workspace(&caller, id, revision).await?;
    settle.answer(row, StatusCode::OK).await
}
