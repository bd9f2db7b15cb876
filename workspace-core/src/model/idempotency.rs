//! Remembered answers, so that a repeated request is carried out once.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::id::OwnerId;

/// A key that a client sent with a request, and what the request made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose key it is; keys of two owners never meet.
    pub owner: OwnerId,
    /// The client's key, at most 255 characters.
    pub key: String,
    /// SHA-256 of the method, the path and the body of the request.
    pub request_hash: [u8; 32],
    /// What the request made.
    pub resource: Uuid,
    /// When; records are kept for at least a day.
    pub at: Timestamp,
}
