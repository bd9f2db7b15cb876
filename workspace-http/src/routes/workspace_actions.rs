//! Starting and stopping workspaces.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::WorkspaceId;

use crate::auth::Identity;
use crate::extract::{Id, Query, WaitQuery};
use crate::problem::Problem;
use crate::settle::{Settle, workspace};
use crate::state::Api;
use crate::wire::Workspace;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(stop))
        .routes(routes!(restart))
        .routes(routes!(keep_alive))
        .routes(routes!(force_forget))
}

/// Start a workspace that does not run, where its data is.
#[utoipa::path(
    post, path = "/workspaces/{id}/start", tag = "workspaces", params(("id" = String, Path), WaitQuery),
    responses(
        (status = 200, description = "It is at rest, also in `error`", body = Workspace),
        (status = 202, description = "It is being started", body = Workspace)
    )
)]
async fn start(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(wait): Query<WaitQuery>,
) -> Result<Response, Problem> {
    let settle = Settle::new(&api, &caller, &wait)?;
    let row = api.orchestrator().start_workspace(&caller, id).await?;
    settle.answer(row, StatusCode::OK).await
}

/// Stop a workspace; its data and its disk stay, everything else is given back.
#[utoipa::path(
    post, path = "/workspaces/{id}/stop", tag = "workspaces", params(("id" = String, Path), WaitQuery),
    responses(
        (status = 200, description = "It is at rest", body = Workspace),
        (status = 202, description = "It is being stopped", body = Workspace)
    )
)]
async fn stop(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(wait): Query<WaitQuery>,
) -> Result<Response, Problem> {
    let settle = Settle::new(&api, &caller, &wait)?;
    let row = api.orchestrator().stop_workspace(&caller, id).await?;
    settle.answer(row, StatusCode::OK).await
}

/// Say that a workspace is in use: its `idle_timeout` begins anew.
///
/// An exec and a file that is read or written say so too.
#[utoipa::path(
    post, path = "/workspaces/{id}/keep-alive", tag = "workspaces", params(("id" = String, Path)),
    responses((status = 200, description = "It counts as used now", body = Workspace))
)]
async fn keep_alive(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
) -> Result<Response, Problem> {
    let row = api.orchestrator().keep_alive(&caller, id).await?;
    Ok(workspace(&api, StatusCode::OK, row).await)
}

/// Replace the container by a new one with the newest settings; the data stays.
#[utoipa::path(
    post, path = "/workspaces/{id}/restart", tag = "workspaces", params(("id" = String, Path), WaitQuery),
    responses(
        (status = 200, description = "It is at rest, also in `error`", body = Workspace),
        (status = 202, description = "It is being restarted", body = Workspace)
    )
)]
async fn restart(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(wait): Query<WaitQuery>,
) -> Result<Response, Problem> {
    let settle = Settle::new(&api, &caller, &wait)?;
    let row = api.orchestrator().restart_workspace(&caller, id).await?;
    settle.answer(row, StatusCode::OK).await
}

/// End a workspace without asking its server, which will not be back.
///
/// What it held is given back at once. Should the server come back, what is left of the workspace there is removed,
/// and with an unnamed project its data. Refused while the server answers.
#[utoipa::path(
    post, path = "/admin/workspaces/{id}/force-forget", tag = "fleet", params(("id" = String, Path), WaitQuery),
    responses(
        (status = 200, description = "It is gone", body = Workspace),
        (status = 202, description = "It is being forgotten", body = Workspace)
    )
)]
async fn force_forget(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(wait): Query<WaitQuery>,
) -> Result<Response, Problem> {
    let settle = Settle::new(&api, &caller, &wait)?;
    let row = api.orchestrator().force_forget(&caller, id).await?;
    settle.answer(row, StatusCode::OK).await
}
