//! A pass over rows and servers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use workspace_core::orchestrator::{self, OrphanFate};

use super::consistency::{ServerObject, Unanswered};

/// How a pass is made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReconcileBody {
    /// Only look: nothing is changed, and nothing counts as seen.
    pub(crate) dry_run: bool,
}

/// What a pass does about what no row accounts for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reconciled {
    /// Whether nothing was changed.
    dry_run: bool,
    /// Servers that were looked at.
    servers: usize,
    /// What no row accounts for now.
    orphans: Vec<Orphan>,
    /// Servers that could not be asked.
    unanswered: Vec<Unanswered>,
}

/// An object that no row accounts for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Orphan {
    #[serde(flatten)]
    object: ServerObject,
    /// `removed`: a container, a network, a cache or an empty volume goes; `taken_in`: data gets a project again;
    /// `kept`: data stays until somebody decides.
    fate: String,
    /// In how many seconds, when it is still so; `null` for what is kept.
    due_seconds: Option<u64>,
}

impl Reconciled {
    pub(crate) fn new(dry_run: bool, found: orchestrator::Reconciled) -> Self {
        let orphans = found.orphans.into_iter().map(|one| Orphan {
            object: one.object.into(),
            fate: one.fate.name().to_owned(),
            due_seconds: (one.fate != OrphanFate::Kept).then_some(one.due.as_secs()),
        });
        let unanswered = found.unanswered.into_iter().map(|(server, reason)| Unanswered { server, reason });
        Self { dry_run, servers: found.servers, orphans: orphans.collect(), unanswered: unanswered.collect() }
    }
}
