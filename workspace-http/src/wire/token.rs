//! API tokens.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::clock::Timestamp;
use workspace_core::id::OwnerId;
use workspace_core::model;
use workspace_core::orchestrator::{self, NewToken};

/// What a token may be used for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
enum Scope {
    /// See workspaces.
    #[serde(rename = "workspaces:read")]
    WorkspacesRead,
    /// Make, change and delete workspaces.
    #[serde(rename = "workspaces:write")]
    WorkspacesWrite,
    /// Run programs and move files in workspaces.
    #[serde(rename = "exec")]
    Exec,
    /// Make, change and delete projects and snapshots.
    #[serde(rename = "projects:write")]
    ProjectsWrite,
    /// Run agents.
    #[serde(rename = "sessions:write")]
    SessionsWrite,
    /// Everything, for every owner.
    #[serde(rename = "admin")]
    Admin,
}

impl From<Scope> for model::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::WorkspacesRead => Self::WorkspacesRead,
            Scope::WorkspacesWrite => Self::WorkspacesWrite,
            Scope::Exec => Self::Exec,
            Scope::ProjectsWrite => Self::ProjectsWrite,
            Scope::SessionsWrite => Self::SessionsWrite,
            Scope::Admin => Self::Admin,
        }
    }
}

/// A token to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(crate) struct TokenBody {
    /// Who acts with it: what they make is theirs.
    #[schema(example = "alice")]
    owner: String,
    /// What it may be used for.
    scopes: Vec<Scope>,
    /// When it ends by itself; never when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl From<TokenBody> for NewToken {
    fn from(body: TokenBody) -> Self {
        Self {
            owner: OwnerId::new(body.owner),
            scopes: body.scopes.into_iter().map(Into::into).collect(),
            expires_at: body.expires_at,
        }
    }
}

/// A token that was just made: the only time its text is seen.
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuedToken {
    id: Uuid,
    /// The token itself, shown once.
    token: String,
    owner: String,
    scopes: Vec<Scope>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl IssuedToken {
    pub(crate) fn new(issued: &orchestrator::IssuedToken, body: TokenBody) -> Self {
        Self {
            id: issued.id.as_uuid(),
            token: issued.token.reveal().to_owned(),
            owner: body.owner,
            scopes: body.scopes,
            expires_at: body.expires_at,
        }
    }
}
