//! API tokens.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::id::TokenId;

use crate::auth::Identity;
use crate::extract::{Creation, Id};
use crate::problem::Problem;
use crate::state::Api;
use crate::wire::{IssuedToken, TokenBody};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(issue)).routes(routes!(revoke))
}

/// Make a token.
///
/// Its text is shown once. A repeated `Idempotency-Key` therefore answers 409 instead of the token.
#[utoipa::path(
    post, path = "/tokens", tag = "tokens", request_body = TokenBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeats of this request harmless")),
    responses((status = 201, description = "It was made", body = IssuedToken))
)]
async fn issue(
    State(api): State<Api>,
    Identity(caller): Identity,
    Creation { body, idempotency }: Creation<TokenBody>,
) -> Result<impl IntoResponse, Problem> {
    let issued = api.orchestrator().issue_token(&caller, body.clone().into(), idempotency).await?;
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, Json(IssuedToken::new(&issued, body))))
}

/// Revoke a token; streams that were opened with it are cut.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses((status = 204, description = "It is revoked"))
)]
async fn revoke(
    State(api): State<Api>,
    Identity(caller): Identity,
    Id(id): Id<TokenId>,
) -> Result<StatusCode, Problem> {
    api.orchestrator().revoke_token(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
