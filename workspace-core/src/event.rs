//! What happened, in order: the rows behind every event stream.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::clock::Timestamp;

/// Something to record. The store gives it the next number of its parent.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// The workspace, server, session or fleet that it happened to.
    pub parent: Uuid,
    /// When.
    pub at: Timestamp,
    /// What kind of thing, such as `workspace.running`.
    pub kind: String,
    /// The facts, a JSON object.
    pub data: Value,
}

/// Something that happened.
///
/// The numbers of one parent are 1, 2, 3, .. without holes: "events after n" is replay and live in one. Of a long
/// history the first may have been pruned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The workspace, server, session or fleet that it happened to.
    pub parent: Uuid,
    /// Its number under the parent, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What kind of thing, such as `workspace.running`.
    pub kind: String,
    /// The facts, a JSON object.
    pub data: Value,
}

impl NewEvent {
    /// The event with the number that the store gave it.
    pub fn numbered(self, seq: u64) -> Event {
        Event { parent: self.parent, seq, at: self.at, kind: self.kind, data: self.data }
    }
}
