//! The router.

use axum::Router;
use axum::middleware::from_fn_with_state;
use workspace_core::orchestrator::Orchestrator;

use crate::config::HttpConfig;
use crate::problem::{Problem, ROUTE_NOT_FOUND};
use crate::state::Api;
use crate::{openapi, outer, routes};

/// The HTTP API of a fleet: `/api/v1/..`, `/api/docs`, `/healthz`, `/readyz` and `/metrics`.
///
/// Nest it under any prefix. What it does not know it answers itself, with a problem document.
///
/// ```
/// # async fn serve(orchestrator: workspace_core::orchestrator::Orchestrator) -> std::io::Result<()> {
/// use workspace_core::secret::Secret;
/// use workspace_http::{HttpConfig, router};
///
/// let config = HttpConfig::default().admin_token(Secret::new("a long random text"));
/// let app = axum::Router::new().nest("/fleet", router(orchestrator, config));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// axum::serve(listener, app).await
/// # }
/// ```
pub fn router(orchestrator: Orchestrator, config: HttpConfig) -> Router {
    let api = Api::new(orchestrator, config);
    let (routes, _) = openapi::described(routes::all()).split_for_parts();
    routes
        .merge(routes::documentation(&openapi::openapi()))
        .fallback(unknown)
        // The limits of bodies are ours, and so are the refusals.
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(from_fn_with_state(api.clone(), outer::observe))
        .with_state(api)
}

async fn unknown() -> Problem {
    Problem::new(ROUTE_NOT_FOUND, "there is no such route").hint("GET /api/v1/openapi.json lists them all")
}
