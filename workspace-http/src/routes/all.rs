//! Every route that the OpenAPI document describes.

use utoipa_axum::router::OpenApiRouter;

use super::{
    data, events, exec, files, fleet, health, logs, mounted, projects, server_actions, servers, sessions, tokens, usage,
};
use super::{workspace_actions, workspace_views, workspaces};
use crate::state::Api;

/// Every route that the OpenAPI document describes.
pub(crate) fn all() -> OpenApiRouter<Api> {
    let v1 = OpenApiRouter::new()
        .merge(tokens::routes())
        .merge(servers::routes())
        .merge(server_actions::routes())
        .merge(fleet::routes())
        .merge(workspaces::routes())
        .merge(workspace_actions::routes())
        .merge(workspace_views::routes())
        .merge(events::routes())
        .merge(logs::routes())
        .merge(exec::routes())
        .merge(files::routes())
        .merge(projects::routes())
        .merge(mounted::routes())
        .merge(data::routes())
        .merge(sessions::routes())
        .merge(usage::routes());
    OpenApiRouter::new().merge(health::routes()).nest("/api/v1", v1)
}
