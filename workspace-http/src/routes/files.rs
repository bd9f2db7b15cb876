//! Files of a running workspace, below `/workspace`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::WorkspaceId;
use workspace_core::model::Scope;
use workspace_core::port::MAX_FILE_BYTES;

use crate::auth::Identity;
use crate::extract::{Id, Query, RawPath, read_body};
use crate::problem::Problem;
use crate::state::Api;
use crate::wire::{FileEntry, Page};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read, write, delete))
}

/// What to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// A folder below `/workspace`; `/workspace` itself when absent.
    path: String,
    /// How many levels, 1 to 32; 1 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 32)]
    depth: Option<u32>,
}

/// What is below a folder, sorted by path.
#[utoipa::path(
    get, path = "/workspaces/{id}/files", tag = "files", params(("id" = String, Path), ListQuery),
    responses((status = 200, description = "All of it", body = Page<FileEntry>))
)]
async fn list(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<FileEntry>>, Problem> {
    let depth = query.depth.unwrap_or(1);
    let entries = api.orchestrator().list_files(&caller, id, &query.path, depth).await?;
    Ok(Json(Page::whole(entries.into_iter().map(FileEntry::from).collect())))
}

/// Read a file of at most 64 MiB.
#[utoipa::path(
    get, path = "/workspaces/{id}/files/{*path}", tag = "files",
    params(("id" = String, Path), ("path" = String, Path, description = "Below `/workspace`")),
    responses((status = 200, description = "Its content", body = Vec<u8>, content_type = "application/octet-stream"))
)]
async fn read(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    RawPath(path): RawPath,
) -> Result<impl IntoResponse, Problem> {
    let content = api.orchestrator().read_file(&caller, id, &path).await?;
    // What a tenant wrote must never be run by a browser in our name.
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox")),
    ];
    Ok((headers, content.bytes))
}

/// Write a file of at most 64 MiB, making missing folders; readers see the old content or the new.
#[utoipa::path(
    put, path = "/workspaces/{id}/files/{*path}", tag = "files",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    params(("id" = String, Path), ("path" = String, Path, description = "Below `/workspace`")),
    responses((status = 200, description = "It is written", body = FileEntry))
)]
async fn write(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    RawPath(path): RawPath,
    body: Body,
) -> Result<Json<FileEntry>, Problem> {
    // Before anything large is read.
    caller.require(Scope::Exec)?;
    let limit = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
    let bytes: Bytes = read_body(body, limit).await?;
    Ok(Json(api.orchestrator().write_file(&caller, id, &path, bytes).await?.into()))
}

/// Delete a file, a link, or a folder with everything in it.
#[utoipa::path(
    delete, path = "/workspaces/{id}/files/{*path}", tag = "files",
    params(("id" = String, Path), ("path" = String, Path, description = "Below `/workspace`")),
    responses((status = 204, description = "It is gone"))
)]
async fn delete(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    RawPath(path): RawPath,
) -> Result<StatusCode, Problem> {
    api.orchestrator().delete_file(&caller, id, &path).await?;
    Ok(StatusCode::NO_CONTENT)
}
