//! API tokens: known only by their hash.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{OwnerId, TokenId};

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
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

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::WorkspacesRead,
        Self::WorkspacesWrite,
        Self::Exec,
        Self::ProjectsWrite,
        Self::SessionsWrite,
        Self::Admin,
    ];

    /// The name over the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WorkspacesRead => "workspaces:read",
            Self::WorkspacesWrite => "workspaces:write",
            Self::Exec => "exec",
            Self::ProjectsWrite => "projects:write",
            Self::SessionsWrite => "sessions:write",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|scope| scope.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::invalid("scopes", format!("no such scope {name:?}")).hint(format!("scopes are {known}"))
        })
    }
}

/// The row of an API token; the token itself is shown once and never kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Who acts with it.
    pub owner: OwnerId,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}
