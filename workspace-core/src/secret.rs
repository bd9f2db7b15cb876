//! Text that must not be shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret: its `Debug` shows nothing, and there is no `Display`.
///
/// It serializes as its text, because stores must keep it; they seal what they write.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; the name is meant to be found in reviews.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
