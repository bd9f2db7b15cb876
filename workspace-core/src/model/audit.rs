//! The audit log: who asked for what.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::id::{AuditId, OwnerId, TokenId};

/// Something that somebody asked for and that was recorded, together with this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub owner: OwnerId,
    /// The token that they came with; `None` for the program that embeds the library.
    pub token: Option<TokenId>,
    /// What they asked for, such as `workspace.delete`.
    pub action: String,
    /// The id of what it was about.
    pub subject: Uuid,
    /// What this was called then, where it had a name.
    pub name: Option<String>,
}
