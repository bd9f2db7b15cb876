//! Sessions: running agents and following what they do.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use workspace_core::event;
use workspace_core::id::{OwnerId, ProjectId, SessionId};
use workspace_core::orchestrator::{Caller, EventStream, NewExecution};
use workspace_core::port::DataFilter;

use super::history::{self, Wish};
use crate::auth::Identity;
use crate::extract::{Creation, Id, Json as Body, LastEvent, PageQuery, Query, wants};
use crate::problem::Problem;
use crate::sse::{EVENT_STREAM, sse, stored};
use crate::state::Api;
use crate::wire::{Event, ExecuteBody, Execution, Page, ResumeBody, Session, Started};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(execute))
        .routes(routes!(resume))
        .routes(routes!(list))
        .routes(routes!(get, delete))
        .routes(routes!(again))
        .routes(routes!(cancel))
        .routes(routes!(events))
}

/// Run an agent on a project.
///
/// Events as they happen, until `execution.finished`; with `Accept: application/json` 202 at once. The run goes on
/// whoever listens: `resume`, or the session's events, take the stream up where it was cut.
#[utoipa::path(
    post, path = "/execute", tag = "sessions", request_body = ExecuteBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeats of this request harmless")),
    responses(
        (status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        (status = 202, description = "It is recorded", body = Started)
    )
)]
async fn execute(
    State(api): State<Api>,
    Identity(caller): Identity,
    headers: HeaderMap,
    Creation { body, idempotency }: Creation<ExecuteBody>,
) -> Result<Response, Problem> {
    run(&api, caller, &headers, body.into_new(None), idempotency).await
}

/// Run an agent in a session that there is already. Answers like `execute`.
#[utoipa::path(
    post, path = "/sessions/{id}/executions", tag = "sessions", request_body = ExecuteBody,
    params(
        ("id" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeats of this request harmless")
    ),
    responses(
        (status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        (status = 202, description = "It is recorded", body = Started)
    )
)]
async fn again(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<SessionId>,
    headers: HeaderMap,
    Creation { body, idempotency }: Creation<ExecuteBody>,
) -> Result<Response, Problem> {
    run(&api, caller, &headers, body.into_new(Some(id)), idempotency).await
}

async fn run(
    api: &Api,
    caller: Caller,
    headers: &HeaderMap,
    new: NewExecution,
    idempotency: Option<workspace_core::orchestrator::Idempotency>,
) -> Result<Response, Problem> {
    let started = api.orchestrator().execute(&caller, new, idempotency).await?;
    if wants(headers, "application/json") && !wants(headers, EVENT_STREAM) {
        let body = Started {
            session: started.session.id.as_uuid(),
            execution: Execution::from(&started.job),
            title: started.session.title,
            branch: started.session.branch,
        };
        return Ok((StatusCode::ACCEPTED, Json(body)).into_response());
    }
    let run = started.job.id.as_uuid();
    let events = api.orchestrator().session_events(&caller, started.session.id, started.after).await?;
    Ok(streamed(api, caller, events, move |event| is_end_of(event, run)))
}

/// Whether this is the last event of a run.
fn is_end_of(event: &event::Event, run: Uuid) -> bool {
    event.kind == "execution.finished" && event.data["execution"].as_str() == Some(run.to_string().as_str())
}

/// Streams events up to and with the last.
fn streamed(
    api: &Api,
    caller: Caller,
    events: EventStream,
    is_last: impl Fn(&event::Event) -> bool + Send + 'static,
) -> Response {
    let until_last = stream::unfold(Some((events, is_last)), |state| async {
        let (mut events, is_last) = state?;
        let event = events.next().await?;
        let over = event.as_ref().map_or(true, &is_last);
        Some((event, (!over).then_some((events, is_last))))
    });
    sse(api, caller, until_last.map(|event| event.map(stored)))
}

/// Take a session's stream up after the last event that was seen, until its newest run is finished.
#[utoipa::path(
    post, path = "/resume", tag = "sessions", request_body = ResumeBody,
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"))
)]
async fn resume(
    State(api): State<Api>,
    Identity(caller): Identity,
    LastEvent(last): LastEvent,
    Body(body): Body<ResumeBody>,
) -> Result<Response, Problem> {
    let id = SessionId::from_uuid(body.session);
    let view = api.orchestrator().session(&caller, id).await?;
    let run = view.executions.last().map(|job| job.id.as_uuid()).unwrap_or_default();
    let after = if last > 0 { last } else { body.after };
    if !view.busy {
        // Everything that there will be is there: no waiting for what was seen already.
        let rest = stored_after(&api, &caller, id, after).await?;
        return Ok(sse(&api, caller, stream::iter(rest.into_iter().map(|event| Ok(stored(event))))));
    }
    let events = api.orchestrator().session_events(&caller, id, after).await?;
    Ok(streamed(&api, caller, events, move |event| is_end_of(event, run)))
}

async fn stored_after(api: &Api, caller: &Caller, id: SessionId, after: u64) -> Result<Vec<event::Event>, Problem> {
    let (mut all, mut after) = (Vec::new(), after);
    loop {
        let part = api.orchestrator().session_events_page(caller, id, after, 1_000).await?;
        let Some(last) = part.last() else { return Ok(all) };
        after = last.seq;
        all.extend(part);
    }
}

/// Which sessions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct FilterQuery {
    /// Of this owner; only administrators see others.
    owner: Option<String>,
    /// About the project of this id.
    project: Option<Uuid>,
}

/// The caller's sessions in the order of their making.
#[utoipa::path(
    get, path = "/sessions", tag = "sessions", params(FilterQuery, PageQuery),
    responses((status = 200, description = "A part of the list", body = Page<Session>))
)]
async fn list(
    State(api): State<Api>,
    Identity(caller): Identity,
    Query(filter): Query<FilterQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Session>>, Problem> {
    let filter =
        DataFilter { owner: filter.owner.map(OwnerId::new), project: filter.project.map(ProjectId::from_uuid) };
    let page = api.orchestrator().sessions(&caller, filter, page.request()?).await?;
    Ok(Json(Page::new(page.items.into_iter().map(Session::from).collect(), page.next)))
}

/// A session with its executions.
#[utoipa::path(
    get, path = "/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, description = "The session", body = Session))
)]
async fn get(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<SessionId>,
) -> Result<Json<Session>, Problem> {
    Ok(Json(api.orchestrator().session(&caller, id).await?.into()))
}

/// Forget a session with its events. The project stays as it is.
#[utoipa::path(
    delete, path = "/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone"))
)]
async fn delete(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, Problem> {
    api.orchestrator().delete_session(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End what goes on in a session. Its last event says how it ended.
#[utoipa::path(
    post, path = "/sessions/{id}/cancel", tag = "sessions", params(("id" = String, Path)),
    responses((status = 202, description = "It is being ended", body = Session))
)]
async fn cancel(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<SessionId>,
) -> Result<Response, Problem> {
    api.orchestrator().cancel_session(&caller, id).await?;
    let view = api.orchestrator().session(&caller, id).await?;
    Ok((StatusCode::ACCEPTED, Json(Session::from(view))).into_response())
}

/// What happened in a session, and what happens from now on.
///
/// With `Accept: application/json` one part of it as a list, else a stream.
#[utoipa::path(
    get, path = "/sessions/{id}/events", tag = "sessions", params(("id" = String, Path), LastEvent, PageQuery),
    responses((
        status = 200, description = "Server-sent events, or a part of the list",
        content((String = "text/event-stream"), (Page<Event> = "application/json"))
    ))
)]
async fn events(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<SessionId>,
    LastEvent(after): LastEvent,
    Query(page): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match Wish::of(&headers, &page, after)? {
        Wish::Stream => {
            let events = api.orchestrator().session_events(&caller, id, after).await?;
            Ok(history::streamed(&api, caller, events))
        }
        Wish::Part { after, limit } => {
            let events = api.orchestrator().session_events_page(&caller, id, after, limit).await?;
            Ok(history::part(events, limit))
        }
    }
}
