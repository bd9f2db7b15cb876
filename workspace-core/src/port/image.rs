//! Images and where they come from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The name of an image, such as `registry.example.org/team/base:1.2`; without a tag `latest` is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageRef(String);

impl ImageRef {
    /// Wraps an image's name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When an image is fetched from its registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullPolicy {
    /// When the server does not have it.
    #[default]
    IfMissing,
    /// Before every start.
    Always,
    /// Never: what the server does not have does not exist.
    Never,
}

/// How to log in to a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCredentials {
    /// The registry's host and port, as in the image's name.
    pub registry: String,
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}
