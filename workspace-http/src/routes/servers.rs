//! Servers.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::error::{Error, ErrorKind};
use workspace_core::id::ServerId;
use workspace_core::model::{Scope, ServerState};
use workspace_core::orchestrator::{Caller, Registration};
use workspace_core::port::PageRequest;

use crate::auth::Identity;
use crate::extract::{Creation, Id, IfMatch, Json as Body, PageQuery, Query, page_of};
use crate::problem::Problem;
use crate::settle::{with_etag, with_location};
use crate::state::Api;
use crate::wire::{Page, Server, ServerBody, ServerPatchBody};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, register)).routes(routes!(get, update, remove))
}

/// A server as it goes over the wire.
fn shown(api: &Api, state: ServerState) -> Result<Server, Problem> {
    let creating = api.orchestrator().creating(&Caller::admin(), state.record.id)?.map(Into::into);
    let mut server = Server::from(state);
    server.creating = creating;
    Ok(server)
}

/// A server with its ETag.
pub(super) fn answer(api: &Api, status: StatusCode, state: ServerState) -> Result<Response, Problem> {
    let server = shown(api, state)?;
    Ok(with_etag(status, server.revision, &server))
}

/// The servers of the fleet.
#[utoipa::path(
    get, path = "/admin/servers", tag = "servers", params(PageQuery),
    responses((status = 200, description = "A part of the list", body = Page<Server>))
)]
async fn list(
    State(api): State<Api>,
    Identity(caller): Identity,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Server>>, Problem> {
    let all = api.orchestrator().servers(&caller).await?;
    let page = page_of(all, |server| server.record.id.as_uuid(), page.request()?);
    let items = page.items.into_iter().map(|state| shown(&api, state)).collect::<Result<_, _>>()?;
    Ok(Json(Page::new(items, page.next)))
}

/// Register a server.
///
/// It is asked how it is and what it has; nothing is recorded when it does not answer.
#[utoipa::path(
    post, path = "/admin/servers", tag = "servers", request_body = ServerBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeats of this request harmless")),
    responses((status = 201, description = "It is registered", body = Server))
)]
async fn register(
    State(api): State<Api>,
    Identity(caller): Identity,
    OriginalUri(uri): OriginalUri,
    Creation { body, idempotency }: Creation<ServerBody>,
) -> Result<Response, Problem> {
    let spec = body.into_spec()?;
    let registered = api.orchestrator().register_server(&caller, spec, Registration::MustAnswer, idempotency).await;
    let state = registered.map_err(wrong_record)?;
    let id = state.record.id;
    Ok(with_location(answer(&api, StatusCode::CREATED, state)?, uri.path(), id))
}

/// A server that does not answer to what a request says of it is a slip in the request: that is wrong, not we.
fn wrong_record(error: Error) -> Problem {
    let field = match error.kind() {
        ErrorKind::Unreachable | ErrorKind::Timeout => "endpoint",
        ErrorKind::TlsRefused => "tls",
        _ => return error.into(),
    };
    let error = match error.next_step() {
        Some(_) => error,
        None => error.hint(format!("check `{field}`; nothing was recorded")),
    };
    Problem::from(error).with_status(StatusCode::UNPROCESSABLE_ENTITY).field(field)
}

/// A server.
#[utoipa::path(
    get, path = "/admin/servers/{id}", tag = "servers", params(("id" = String, Path)),
    responses((status = 200, description = "The server", body = Server))
)]
async fn get(State(api): State<Api>, Identity(caller): Identity, Id(id): Id<ServerId>) -> Result<Response, Problem> {
    let state = api.orchestrator().server(&caller, id).await?;
    answer(&api, StatusCode::OK, state)
}

/// Edit a server.
///
/// Less than what is reserved is allowed: nothing is moved, and nothing new comes until there is room again. New
/// certificates are tried first; with some that the server does not take nothing is changed.
#[utoipa::path(
    patch, path = "/admin/servers/{id}", tag = "servers", request_body = ServerPatchBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "Only this revision")),
    responses((status = 200, description = "It is changed", body = Server))
)]
async fn update(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ServerId>,
    IfMatch(revision): IfMatch,
    Body(patch): Body<ServerPatchBody>,
) -> Result<Response, Problem> {
    let updated = api.orchestrator().update_server(&caller, id, patch.into(), revision).await;
    let state = updated.map_err(wrong_record)?;
    answer(&api, StatusCode::OK, state)
}

/// Remove a server that is cordoned and empty.
#[utoipa::path(
    delete, path = "/admin/servers/{id}", tag = "servers",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "Only this revision")),
    responses((status = 204, description = "It is forgotten"))
)]
async fn remove(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<ServerId>,
    IfMatch(revision): IfMatch,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::Admin)?;
    if let Some(expected) = revision {
        let current = api.orchestrator().server(&caller, id).await?.record.revision;
        if current != expected {
            let message = format!("the server was changed; it is at revision {current} now");
            return Err(Error::new(ErrorKind::RevisionMismatch, message).hint("read it again").into());
        }
    }
    match api.orchestrator().remove_server(&caller, id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) if error.kind() == ErrorKind::ServerInUse => Err(in_use(&api, &caller, id, error).await),
        Err(error) => Err(error.into()),
    }
}

/// The refusal with the list of what is on the server.
async fn in_use(api: &Api, caller: &Caller, id: ServerId, error: Error) -> Problem {
    let page = api.orchestrator().workspaces_on(caller, id, PageRequest::default()).await;
    let rows = page.map(|page| page.items).unwrap_or_default();
    let named = |row: &workspace_core::model::Workspace| serde_json::json!({ "id": row.id, "name": row.desired.name });
    Problem::from(error).with("workspaces", rows.iter().map(named).collect::<Vec<_>>())
}
