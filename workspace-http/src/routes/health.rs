//! How this master is.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workspace_core::orchestrator::Caller;

use crate::problem::Problem;
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// Whether the process is up.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It is up")))]
async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Whether the store can be reached.
#[utoipa::path(get, path = "/readyz", tag = "health", responses((status = 200, description = "It can be reached")))]
async fn readyz(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    api.orchestrator().ready().await?;
    Ok(Json(json!({ "status": "ready" })))
}

/// Counters in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "The counters", body = String, content_type = "text/plain"))
)]
async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    let fleet = api.orchestrator().fleet(&Caller::admin()).await.ok();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], api.metrics().page(fleet.as_ref()))
}
