//! What a remote is, and how we deal with all of them.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::credentials::Credentials;
use crate::resolve::UrlPolicy;
use crate::url::GitUrl;

/// One repository somewhere else. Serialized it holds the credentials: for stdin and sealed rows only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitRemote {
    /// Where it is.
    pub url: GitUrl,
    /// Its branch that matters to us; the repository's own default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Who we are there.
    #[serde(default)]
    pub credentials: Credentials,
}

/// What holds for every remote: the operator's word, never a request's.
#[derive(Clone, Debug)]
pub struct GitSettings {
    /// Which hosts may be reached.
    pub policy: UrlPolicy,
    /// A file with the certificate authorities to trust, in PEM form; those of the machine when absent.
    pub ca_file: Option<PathBuf>,
    /// More authorities to trust, in PEM form: those of the operator's own git servers.
    pub more_authorities: Option<String>,
    /// A remote that is silent for this long while something is expected of it is given up.
    pub stall_limit: Duration,
}

impl Default for GitSettings {
    fn default() -> Self {
        Self {
            policy: UrlPolicy::default(),
            ca_file: None,
            more_authorities: None,
            stall_limit: Duration::from_mins(2),
        }
    }
}
