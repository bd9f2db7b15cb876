//! Moving the data of projects: sync, snapshots, restore.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::error::ErrorKind;
use workspace_core::id::{JobId, ProjectId, SnapshotId, WorkspaceId};
use workspace_core::model::{Job, SnapshotStatus};
use workspace_core::orchestrator::Caller;

use crate::auth::Identity;
use crate::extract::{Id, Json as Body, PageQuery, Query, WaitQuery};
use crate::problem::Problem;
use crate::settle::with_location;
use crate::state::Api;
use crate::wire::{JobAnswer, Page, RestoreBody, Snapshot, SnapshotBody, SyncBody, SyncDirection, direction};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(sync))
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
        .routes(routes!(verify))
        .routes(routes!(restore))
        .routes(routes!(job))
}

/// 202 with the job as it stands, or 200 when it is over.
async fn answer(
    api: &Api,
    caller: &Caller,
    job: Job,
    wait: &WaitQuery,
    direction: Option<SyncDirection>,
) -> Result<Response, Problem> {
    let job = match wait.longest()? {
        Some(longest) => api.orchestrator().wait_job(caller, job.id, longest).await?,
        None => job,
    };
    let status = if job.status.is_finished() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(JobAnswer::new(job, direction))).into_response())
}

/// Bring what is new in the remote into a workspace's project, or commit and push what changed.
#[utoipa::path(
    post, path = "/workspaces/{id}/sync", tag = "data", request_body = SyncBody,
    params(("id" = String, Path), WaitQuery),
    responses(
        (status = 200, description = "It is over; `status` and `error` say how", body = JobAnswer),
        (status = 202, description = "It goes on", body = JobAnswer)
    )
)]
async fn sync(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(wait): Query<WaitQuery>,
    Body(body): Body<SyncBody>,
) -> Result<Response, Problem> {
    wait.longest()?;
    let project = api.orchestrator().workspace(&caller, id).await?.desired.project;
    let (direction, wish) = body.into_wish();
    let job = api.orchestrator().sync_project(&caller, project, wish).await?;
    answer(&api, &caller, job, &wait, Some(direction)).await
}

/// The snapshots of a project in the order of their making.
#[utoipa::path(
    get, path = "/projects/{id}/snapshots", tag = "data", params(("id" = String, Path), PageQuery),
    responses((status = 200, description = "A part of the list", body = Page<Snapshot>))
)]
async fn list(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ProjectId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Snapshot>>, Problem> {
    let page = api.orchestrator().snapshots(&caller, Some(id), page.request()?).await?;
    Ok(Json(Page::new(page.items.into_iter().map(Snapshot::from).collect(), page.next)))
}

/// Take a snapshot of a project.
#[utoipa::path(
    post, path = "/projects/{id}/snapshots", tag = "data", request_body = SnapshotBody,
    params(("id" = String, Path), WaitQuery),
    responses(
        (status = 201, description = "It is `ready`, or `failed`", body = Snapshot),
        (status = 202, description = "It is being written", body = Snapshot)
    )
)]
async fn create(
    State(api): State<Api>,
    Identity(caller): Identity,
    OriginalUri(uri): OriginalUri,
    Id(id): Id<ProjectId>,
    Query(wait): Query<WaitQuery>,
    Body(body): Body<SnapshotBody>,
) -> Result<Response, Problem> {
    let longest = wait.longest()?;
    let mut row = api.orchestrator().take_snapshot(&caller, id, body.into()).await?;
    if let Some(longest) = longest {
        row = api.orchestrator().wait_snapshot(&caller, row.id, longest).await?;
    }
    let status = if row.status == SnapshotStatus::Creating { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let (id, base) = (row.id, uri.path().split("/projects/").next().unwrap_or_default().to_owned());
    Ok(with_location((status, Json(Snapshot::from(row))).into_response(), &format!("{base}/snapshots"), id))
}

/// A snapshot.
#[utoipa::path(
    get, path = "/snapshots/{id}", tag = "data", params(("id" = String, Path)),
    responses((status = 200, description = "The snapshot", body = Snapshot))
)]
async fn get(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<SnapshotId>,
) -> Result<Json<Snapshot>, Problem> {
    Ok(Json(api.orchestrator().snapshot(&caller, id).await?.into()))
}

/// Delete a snapshot. What only it needed of the storage is collected later.
#[utoipa::path(
    delete, path = "/snapshots/{id}", tag = "data", params(("id" = String, Path), WaitQuery),
    responses(
        (status = 202, description = "It is being removed; `error` says why that failed", body = Snapshot),
        (status = 204, description = "It is gone")
    )
)]
async fn delete(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<SnapshotId>,
    Query(wait): Query<WaitQuery>,
) -> Result<Response, Problem> {
    let longest = wait.longest()?;
    let mut row = api.orchestrator().delete_snapshot(&caller, id).await?;
    if let Some(longest) = longest {
        api.orchestrator().wait_job(&caller, row.job, longest).await?;
        row = match api.orchestrator().snapshot(&caller, id).await {
            Err(gone) if gone.kind() == ErrorKind::NotFound => return Ok(StatusCode::NO_CONTENT.into_response()),
            row => row?,
        };
    }
    Ok((StatusCode::ACCEPTED, Json(Snapshot::from(row))).into_response())
}

/// Read every byte of a snapshot and check it.
#[utoipa::path(
    post, path = "/snapshots/{id}/verify", tag = "data", params(("id" = String, Path), WaitQuery),
    responses(
        (status = 200, description = "It is over; `status` and `error` say how", body = JobAnswer),
        (status = 202, description = "It goes on", body = JobAnswer)
    )
)]
async fn verify(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<SnapshotId>,
    Query(wait): Query<WaitQuery>,
) -> Result<Response, Problem> {
    wait.longest()?;
    let job = api.orchestrator().verify_snapshot(&caller, id).await?;
    answer(&api, &caller, job, &wait, None).await
}

/// Bring a snapshot back, as the project's next copy or into the current one.
#[utoipa::path(
    post, path = "/projects/{id}/restore", tag = "data", request_body = RestoreBody,
    params(("id" = String, Path), WaitQuery),
    responses(
        (status = 200, description = "It is over; `status` and `error` say how", body = JobAnswer),
        (status = 202, description = "It goes on", body = JobAnswer)
    )
)]
async fn restore(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ProjectId>,
    Query(wait): Query<WaitQuery>,
    Body(body): Body<RestoreBody>,
) -> Result<Response, Problem> {
    wait.longest()?;
    let job = api.orchestrator().restore_project(&caller, id, body.into()).await?;
    answer(&api, &caller, job, &wait, Some(SyncDirection::Pull)).await
}

/// A job: how moving data goes, or an agent's run.
#[utoipa::path(
    get, path = "/jobs/{id}", tag = "data", params(("id" = String, Path)),
    responses((status = 200, description = "The job", body = JobAnswer))
)]
async fn job(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<JobId>,
) -> Result<Json<JobAnswer>, Problem> {
    let job = api.orchestrator().job(&caller, id).await?;
    let direction = direction(&job.work);
    Ok(Json(JobAnswer::new(job, direction)))
}
