//! The caller of a handler.

use axum::extract::FromRequestParts;
use http::request::Parts;
use workspace_core::orchestrator::Caller;

use crate::problem::Problem;
use crate::state::Api;

/// Who sent the request. The first argument of every handler that needs a token, so that nothing else of a request
/// is looked at before.
pub(crate) struct Identity(pub(crate) Caller);

impl FromRequestParts<Api> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Ok(Self(api.authorizer().authorize(parts).await?))
    }
}
