//! Why a server was refused.

use serde::{Deserialize, Serialize};

/// Why one server was not taken: the same structure serves the API, logs and tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The server's name.
    pub server: String,
    /// The stable reason: `insufficient_<dimension>`, `labels`, `cordoned`, `offline`, `unhealthy`, `not_requested`,
    /// `excluded`.
    pub code: String,
    /// The reason with its numbers, such as `memory: needs 4096 MiB, 1024 free`.
    pub detail: String,
}
