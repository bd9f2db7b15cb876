//! Where a stream goes on.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;
use workspace_core::error::Error;

use super::Query;
use crate::problem::Problem;
use crate::state::Api;

#[derive(Debug, Deserialize)]
struct AfterQuery {
    #[serde(default)]
    after: Option<u64>,
}

/// The number of the last event that the client has; 0 for none.
#[derive(Debug, IntoParams)]
#[into_params(names("after"), parameter_in = Query)]
pub(crate) struct LastEvent(
    /// Only events after this number. `Last-Event-ID`, which a reconnecting client sends, goes before it.
    pub(crate) u64,
);

impl FromRequestParts<Api> for LastEvent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let header = parts.headers.get("last-event-id").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
        if let Some(id) = header {
            return id.parse().map(Self).map_err(|_| {
                Error::invalid("Last-Event-ID", format!("{id:?} is not the id of an event"))
                    .hint("send the id of the last event that came, or nothing")
                    .into()
            });
        }
        let Query(query) = Query::<AfterQuery>::from_request_parts(parts, api).await?;
        Ok(Self(query.after.unwrap_or(0)))
    }
}
