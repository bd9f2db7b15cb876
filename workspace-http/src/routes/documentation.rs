//! The OpenAPI document and its page.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use bytes::Bytes;
use http::header;
use utoipa::openapi::OpenApi;

use crate::docs_page::PAGE;
use crate::state::Api;

/// Serves the document, and the page that shows it.
pub(crate) fn documentation(document: &OpenApi) -> Router<Api> {
    // It always serializes; an empty document would be noticed by the first test.
    let json = Bytes::from(document.to_pretty_json().unwrap_or_default());
    let document = get(async move || ([(header::CONTENT_TYPE, "application/json")], json));
    Router::new().route("/api/v1/openapi.json", document).route("/api/docs", get(async || Html(PAGE)))
}
