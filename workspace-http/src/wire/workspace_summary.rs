//! The caller's workspaces in one look.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use workspace_core::model::{Intent, Workspace};
use workspace_core::resources;

use super::Resources;

/// The caller's workspaces in one look.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceSummary {
    total: usize,
    by_status: BTreeMap<&'static str, usize>,
    /// What those that should run ask for, all together.
    resources: Resources,
}

/// Adds workspaces up.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    total: usize,
    by_status: BTreeMap<&'static str, usize>,
    resources: resources::Resources,
}

impl Sum {
    pub(crate) fn add(&mut self, row: &Workspace) {
        self.total += 1;
        *self.by_status.entry(row.observed.status.name()).or_default() += 1;
        if row.desired.intent == Intent::Running {
            self.resources = self.resources.plus(row.desired.claimed.resources);
        }
    }
}

impl From<Sum> for WorkspaceSummary {
    fn from(sum: Sum) -> Self {
        Self { total: sum.total, by_status: sum.by_status, resources: sum.resources.into() }
    }
}
