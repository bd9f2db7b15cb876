//! A conversation with agents about one project.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{OwnerId, ProjectId, SessionId};

/// The row of a session. Its stream of events is its own; what goes on in it is the status of its newest job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id, and the parent of its events.
    pub id: SessionId,
    /// Whose it is.
    pub owner: OwnerId,
    /// Whose data its agents work on.
    pub project: ProjectId,
    /// What it is about, in a few words.
    pub title: String,
    /// The branch that its agents' work is committed to.
    pub branch: String,
    /// When it began.
    pub created_at: Timestamp,
}
