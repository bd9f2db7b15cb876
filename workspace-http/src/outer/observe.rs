//! The middleware around every route.

use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::{StatusCode, header};
use tokio::time::Instant;
use tracing::Instrument;

use super::lent_body::Returned;
use super::request_id::{X_REQUEST_ID, request_id};
use crate::problem::{INTERNAL, METHOD_NOT_ALLOWED, Problem};
use crate::state::Api;

/// Runs a request in a span of its own, counts it, and makes sure that every error is a problem document.
pub(crate) async fn observe(State(api): State<Api>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers(), api.environment());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    // Only the path: a query may hold what is nobody's business.
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), %method, path);
    let continues = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let returned = Returned::default();
    let request = Request::from_parts(parts, returned.lend(body));

    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let mut response = answer.map_or_else(|_| panicked(), as_problem);
    // A client that waits for `100 Continue` sends nothing more once it has an answer.
    if !continues {
        returned.drain().await;
    }
    response.headers_mut().insert(X_REQUEST_ID, id);
    let (status, took) = (response.status(), began.elapsed());
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    api.metrics().count(&method, route, status.as_u16(), took);
    span.in_scope(|| {
        let elapsed_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if status.is_server_error() && status != StatusCode::INSUFFICIENT_STORAGE {
            tracing::warn!(status = status.as_u16(), elapsed_ms, "answered");
        } else {
            tracing::debug!(status = status.as_u16(), elapsed_ms, "answered");
        }
    });
    response
}

fn panicked() -> Response {
    tracing::error!("a handler panicked");
    Problem::new(INTERNAL, "a mistake of ours").into_response()
}

/// What axum answers by itself to a wrong method has no body; it adds `Allow` further out.
fn as_problem(response: Response) -> Response {
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(METHOD_NOT_ALLOWED, "the route does not have this method").into_response()
        }
        _ => response,
    }
}
