//! Bodies, of a bounded size.

use axum::body::Body;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::parse;
use crate::problem::{BODY_TOO_LARGE, MALFORMED_REQUEST, Problem};
use crate::state::Api;

/// The largest JSON body: 2 MiB.
const MAX_JSON: usize = 2 << 20;

/// A JSON body. What it says of itself in `Content-Type` is not asked: JSON is all that is read here.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Problem> {
        parse::json(&read_json(request.into_body()).await?).map(Self)
    }
}

impl<T: DeserializeOwned> OptionalFromRequest<Api> for Json<T> {
    type Rejection = Problem;

    /// `None` when there is no body at all.
    async fn from_request(request: Request, _: &Api) -> Result<Option<Self>, Problem> {
        let bytes = read_json(request.into_body()).await?;
        if bytes.is_empty() { Ok(None) } else { parse::json(&bytes).map(|body| Some(Self(body))) }
    }
}

/// The bytes of a JSON body.
pub(super) async fn read_json(body: Body) -> Result<Bytes, Problem> {
    read_body(body, MAX_JSON).await
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(BODY_TOO_LARGE, format!("the body is larger than {} MiB", limit >> 20)))
        }
        Err(_) => Err(Problem::new(MALFORMED_REQUEST, "the body ended before it was complete")),
    }
}
