//! What a remote is, and how we deal with all of them.

use std::path::PathBuf;
use std::time::Duration;

use crate::credentials::Credentials;
use crate::resolve::UrlPolicy;
use crate::url::GitUrl;

/// One repository somewhere else.
#[derive(Clone, Debug)]
pub struct GitRemote {
    /// Where it is.
    pub url: GitUrl,
    /// Its branch that matters to us; the repository's own default when absent.
    pub branch: Option<String>,
    /// Who we are there.
    pub credentials: Credentials,
}

/// What holds for every remote: the operator's word, never a request's.
#[derive(Clone, Debug)]
pub struct GitSettings {
    /// Which hosts may be reached.
    pub policy: UrlPolicy,
    /// Certificate authorities to trust, in PEM form; those of the machine when absent.
    pub ca_file: Option<PathBuf>,
    /// A remote that is silent for this long while something is expected of it is given up.
    pub stall_limit: Duration,
}

impl Default for GitSettings {
    fn default() -> Self {
        Self { policy: UrlPolicy::default(), ca_file: None, stall_limit: Duration::from_mins(2) }
    }
}
