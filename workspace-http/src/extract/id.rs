//! Ids and file paths in the path of a request.

use std::str::FromStr;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use workspace_core::error::Error;
use workspace_core::id::{JobId, ProjectId, ServerId, SessionId, SnapshotId, TokenId, WorkspaceId};

use crate::problem::Problem;
use crate::state::Api;

/// What an id names, as in "no such workspace".
pub(crate) trait Named: FromStr {
    const WHAT: &'static str;
}

impl Named for WorkspaceId {
    const WHAT: &'static str = "workspace";
}

impl Named for ServerId {
    const WHAT: &'static str = "server";
}

impl Named for TokenId {
    const WHAT: &'static str = "token";
}

impl Named for ProjectId {
    const WHAT: &'static str = "project";
}

impl Named for SnapshotId {
    const WHAT: &'static str = "snapshot";
}

impl Named for SessionId {
    const WHAT: &'static str = "session";
}

impl Named for JobId {
    const WHAT: &'static str = "job";
}

/// The `{id}` of the path. What is no id names nothing, exactly like an id of nothing.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: Named> FromRequestParts<Api> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let missing = || Problem::from(Error::not_found(T::WHAT));
        let Path(path) = Path::<IdInPath>::from_request_parts(parts, api).await.map_err(|error| match error {
            PathRejection::FailedToDeserializePathParams(error) => match error.into_kind() {
                ErrorKind::InvalidUtf8InPathParam { key } if key != "id" => not_utf8(),
                _ => missing(),
            },
            _ => missing(),
        })?;
        path.id.parse().map(Self).map_err(|_| missing())
    }
}

#[derive(serde::Deserialize)]
struct IdInPath {
    id: String,
}

fn not_utf8() -> Problem {
    Error::invalid("path", "the path is not UTF-8").into()
}

/// The `{*path}` of the path, decoded.
pub(crate) struct RawPath(pub(crate) String);

impl FromRequestParts<Api> for RawPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Path(path) = Path::<FileInPath>::from_request_parts(parts, api).await.map_err(|_| not_utf8())?;
        Ok(Self(path.path))
    }
}

#[derive(serde::Deserialize)]
struct FileInPath {
    path: String,
}
