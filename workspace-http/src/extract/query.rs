//! The query of a request.

use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use workspace_core::error::Error;

use super::parse;
use crate::problem::Problem;
use crate::state::Api;
use crate::wire::Timespan;

/// The query, read into a type. Parameters that nobody knows are left alone.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        parse::query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// The longest that a request waits.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// How long to wait for the end of what was asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitQuery {
    /// Seconds (at most 300) to wait until the workspace is at rest, instead of answering 202 at once.
    #[serde(default)]
    #[param(value_type = Option<u64>, example = 60)]
    wait: Option<Timespan>,
}

impl WaitQuery {
    pub(crate) fn longest(&self) -> Result<Option<Duration>, Problem> {
        match self.wait {
            Some(Timespan(wait)) if wait > LONGEST_WAIT => {
                Err(Error::invalid("wait", "a request waits at most 300 seconds").into())
            }
            wait => Ok(wait.map(|Timespan(wait)| wait)),
        }
    }
}
