//! Who asked for what.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use workspace_core::clock::Timestamp;
use workspace_core::id::OwnerId;
use workspace_core::model;
use workspace_core::port::AuditFilter;

/// Which entries.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// That this owner asked for.
    owner: Option<String>,
    /// About the workspace, project, session, snapshot, server or token of this id.
    subject: Option<Uuid>,
    /// From then on (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before then (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

impl From<AuditQuery> for AuditFilter {
    fn from(query: AuditQuery) -> Self {
        Self { owner: query.owner.map(OwnerId::new), subject: query.subject, from: query.from, to: query.to }
    }
}

/// Somebody asked for something, and it was recorded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who asked.
    owner: String,
    /// The token that they came with; null for the admin token of the master, and for the master itself.
    token: Option<Uuid>,
    /// Such as `workspace.delete`.
    action: String,
    /// The id of what it was about.
    subject: Uuid,
    /// What this was called then.
    name: Option<String>,
}

impl From<model::AuditEntry> for AuditEntry {
    fn from(entry: model::AuditEntry) -> Self {
        Self {
            id: entry.id.as_uuid(),
            at: entry.at,
            owner: entry.owner.as_str().to_owned(),
            token: entry.token.map(|token| token.as_uuid()),
            action: entry.action,
            subject: entry.subject,
            name: entry.name,
        }
    }
}
