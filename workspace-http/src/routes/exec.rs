//! Running programs in workspaces.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use http::HeaderMap;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::error::{Error, ErrorKind};
use workspace_core::id::WorkspaceId;
use workspace_core::orchestrator::Caller;
use workspace_core::port::{ExecEnd, ExecEvent, ExecRequest};

use crate::auth::Identity;
use crate::extract::{Id, Json as Body, wants};
use crate::problem::Problem;
use crate::sse::{EVENT_STREAM, Output, json_event, sse};
use crate::state::Api;
use crate::wire::{ExecAnswer, ExecBody, RunBody};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(exec)).routes(routes!(run))
}

/// Run a program in a running workspace.
///
/// With `Accept: text/event-stream` events `stdout` and `stderr` with `{"data"}` as they come and `exit` at the end.
/// The program ends with the request: a client that goes away ends it with everything that it started. One that runs
/// into its time limit answers 408 `time_limit` with what it wrote until then.
#[utoipa::path(
    post, path = "/workspaces/{id}/exec", tag = "exec", request_body = ExecBody, params(("id" = String, Path)),
    responses((
        status = 200, description = "It ended by itself",
        content((ExecAnswer = "application/json"), (String = "text/event-stream"))
    ))
)]
async fn exec(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    headers: HeaderMap,
    Body(body): Body<ExecBody>,
) -> Result<Response, Problem> {
    carry_out(&api, caller, id, &headers, body.into_request()?).await
}

/// Run a shell line in a running workspace: `/bin/sh -c <line>`. Answers like `exec`.
#[utoipa::path(
    post, path = "/workspaces/{id}/run", tag = "exec", request_body = RunBody, params(("id" = String, Path)),
    responses((
        status = 200, description = "It ended by itself",
        content((ExecAnswer = "application/json"), (String = "text/event-stream"))
    ))
)]
async fn run(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<WorkspaceId>,
    headers: HeaderMap,
    Body(body): Body<RunBody>,
) -> Result<Response, Problem> {
    carry_out(&api, caller, id, &headers, body.into_request()?).await
}

async fn carry_out(
    api: &Api,
    caller: Caller,
    id: WorkspaceId,
    headers: &HeaderMap,
    request: ExecRequest,
) -> Result<Response, Problem> {
    if wants(headers, EVENT_STREAM) {
        return streamed(api, caller, id, request).await;
    }
    let output = api.orchestrator().exec(&caller, id, request).await?;
    match output.end {
        ExecEnd::Exited(code) => Ok(Json(ExecAnswer::new(code, &output)).into_response()),
        ExecEnd::TimeLimit => {
            let error = Error::new(ErrorKind::TimeLimit, "the program ran into its time limit and was ended");
            let problem = Problem::from(error.hint("give it a longer `timeout`"));
            let answer = ExecAnswer::new(0, &output);
            Err(answer.into_members().into_iter().fold(problem, |problem, (name, value)| problem.with(name, value)))
        }
    }
}

async fn streamed(api: &Api, caller: Caller, id: WorkspaceId, request: ExecRequest) -> Result<Response, Problem> {
    let events = api.orchestrator().exec_stream(&caller, id, request).await?;
    let mut output = Output::default();
    let events = events.map(move |event| match event {
        Ok(ExecEvent::Stdout(bytes)) => output.stdout(&bytes).into_iter().map(Ok).collect(),
        Ok(ExecEvent::Stderr(bytes)) => output.stderr(&bytes).into_iter().map(Ok).collect(),
        Ok(ExecEvent::Ended { end, truncated, duration }) => {
            let exit_code = match end {
                ExecEnd::Exited(code) => Value::from(code),
                ExecEnd::TimeLimit => Value::Null,
            };
            let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            let exit = json!({
                "exit_code": exit_code, "time_limit": end == ExecEnd::TimeLimit, "truncated": truncated,
                "duration_ms": duration_ms,
            });
            output.end(json_event("exit", &exit)).into_iter().map(Ok).collect::<Vec<_>>()
        }
        Err(error) => vec![Err(error)],
    });
    Ok(sse(api, caller, events.flat_map(stream::iter)))
}
