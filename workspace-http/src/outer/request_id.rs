//! A name for each request.

use http::{HeaderMap, HeaderName, HeaderValue};
use workspace_core::environment::Environment;

/// The header that carries it.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that the client, or the proxy before us, gave; else a new one.
pub(super) fn request_id(headers: &HeaderMap, env: &Environment) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        (1..=64).contains(&bytes.len()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    };
    let new = || HeaderValue::try_from(env.uuid().to_string()).unwrap_or_else(|_| HeaderValue::from_static("-"));
    headers.get(X_REQUEST_ID).filter(plain).cloned().unwrap_or_else(new)
}
