//! Requests that make something, and may be repeated.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use workspace_core::orchestrator::Idempotency;

use super::{body, parse};
use crate::problem::{MALFORMED_REQUEST, Problem};
use crate::state::Api;

/// A JSON body with the `Idempotency-Key` that it came with.
///
/// A request is the same when its method, its path and every byte of its body are.
pub(crate) struct Creation<T> {
    pub(crate) body: T,
    pub(crate) idempotency: Option<Idempotency>,
}

impl<T: DeserializeOwned> FromRequest<Api> for Creation<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = body::read_json(body).await?;
        let Some(key) = parts.headers.get("idempotency-key") else {
            return Ok(Self { body: parse::json(&bytes)?, idempotency: None });
        };
        let key = key.to_str().map_err(|_| {
            Problem::new(MALFORMED_REQUEST, "the idempotency key has characters that are not printable ASCII")
                .field("Idempotency-Key")
        })?;
        let mut hash = Sha256::new();
        for part in [parts.method.as_str().as_bytes(), parts.uri.path().as_bytes(), &bytes] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        let idempotency = Idempotency { key: key.to_owned(), request_hash: hash.finalize().into() };
        Ok(Self { body: parse::json(&bytes)?, idempotency: Some(idempotency) })
    }
}
