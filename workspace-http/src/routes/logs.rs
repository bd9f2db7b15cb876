//! What the program of a workspace wrote.

use axum::extract::State;
use axum::response::Response;
use futures::{StreamExt, future, stream};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::WorkspaceId;
use workspace_core::port::{LogOptions, OutputStream};

use crate::auth::Identity;
use crate::extract::{Id, Query};
use crate::problem::Problem;
use crate::sse::{Output, json_event, sse};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(logs))
}

/// Which part of a log.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// Only this many of the last lines; all when absent.
    tail: Option<u32>,
    /// Whether the stream goes on until the container ends; false when absent.
    follow: Option<bool>,
}

/// The log of the newest container, also of one that ended.
///
/// Events `stdout` and `stderr` with `{"data"}`; at the end of the log one event `end`.
#[utoipa::path(
    get, path = "/workspaces/{id}/logs", tag = "workspaces", params(("id" = String, Path), LogQuery),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream"))
)]
async fn logs(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    Query(query): Query<LogQuery>,
) -> Result<Response, Problem> {
    let options = LogOptions { tail: query.tail, follow: query.follow.unwrap_or_default() };
    let chunks = api.orchestrator().logs(&caller, id, options).await?;
    let mut output = Output::default();
    let events = chunks.map(Some).chain(stream::once(future::ready(None))).map(move |chunk| match chunk {
        Some(Ok(chunk)) => match chunk.stream {
            OutputStream::Stdout => output.stdout(&chunk.bytes).into_iter().map(Ok).collect(),
            OutputStream::Stderr => output.stderr(&chunk.bytes).into_iter().map(Ok).collect(),
        },
        Some(Err(error)) => vec![Err(error)],
        None => output.end(json_event("end", &json!({}))).into_iter().map(Ok).collect::<Vec<_>>(),
    });
    Ok(sse(&api, caller, events.flat_map(stream::iter)))
}
