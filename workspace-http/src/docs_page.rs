//! The page that shows the OpenAPI document, without anything from elsewhere.

/// Renders `v1/openapi.json` beside it.
pub(crate) const PAGE: &str = include_str!("docs_page.html");
