//! Answers about workspaces, at once or when they are at rest.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use workspace_core::model::{Scope, Workspace};
use workspace_core::orchestrator::Caller;

use crate::extract::WaitQuery;
use crate::problem::Problem;
use crate::state::Api;
use crate::wire;

/// How an operation on a workspace is answered.
pub(crate) struct Settle<'a> {
    api: &'a Api,
    caller: &'a Caller,
    wait: Option<Duration>,
}

impl<'a> Settle<'a> {
    /// Before the operation: a wait that is not allowed changes nothing.
    pub(crate) fn new(api: &'a Api, caller: &'a Caller, wait: &WaitQuery) -> Result<Self, Problem> {
        let wait = wait.longest()?;
        if wait.is_some() {
            caller.require(Scope::WorkspacesRead)?;
        }
        Ok(Self { api, caller, wait })
    }

    /// After it: 202 with the transient state, or `done` with what came of it.
    pub(crate) async fn answer(self, row: Workspace, done: StatusCode) -> Result<Response, Problem> {
        let Some(longest) = self.wait else { return Ok(workspace(self.api, StatusCode::ACCEPTED, row).await) };
        let row = self.api.orchestrator().wait(self.caller, row.id, longest).await?;
        let status = if row.is_settled() { done } else { StatusCode::ACCEPTED };
        Ok(workspace(self.api, status, row).await)
    }
}

/// A workspace as it goes over the wire.
pub(crate) async fn shown(api: &Api, row: Workspace) -> wire::Workspace {
    let server = match row.desired.server {
        Some(server) => api.server_name(server).await,
        None => None,
    };
    wire::Workspace::new(row, server)
}

/// A workspace with its ETag.
pub(crate) async fn workspace(api: &Api, status: StatusCode, row: Workspace) -> Response {
    let shown = shown(api, row).await;
    with_etag(status, shown.revision, &shown)
}

/// A resource with its ETag.
pub(crate) fn with_etag(status: StatusCode, revision: u64, body: &impl Serialize) -> Response {
    let mut headers = HeaderMap::new();
    headers.extend(HeaderValue::try_from(format!("\"{revision}\"")).ok().map(|tag| (Some(header::ETAG), tag)));
    (status, headers, Json(body)).into_response()
}

/// Where what was made is found.
pub(crate) fn with_location(mut response: Response, collection: &str, id: impl std::fmt::Display) -> Response {
    let place = HeaderValue::try_from(format!("{}/{id}", collection.trim_end_matches('/')));
    response.headers_mut().extend(place.ok().map(|place| (header::LOCATION, place)));
    response
}
