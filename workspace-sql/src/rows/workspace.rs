//! Workspaces.

use workspace_core::error::Result;
use workspace_core::id::{MasterId, OwnerId, WorkspaceId};
use workspace_core::model::{Desired, Fence, Intent, Workspace};

use crate::value::Row;

/// What [`workspace`] reads, of `@workspaces w` with its network number.
pub(crate) const WORKSPACE: &str = "w.id, w.owner, w.desired, w.observed, w.revision, w.driver_master, \
    w.driver_epoch, w.created_at, w.updated_at, \
    (SELECT n.slot FROM @network_slots n WHERE n.workspace = w.id)";

pub(crate) fn workspace(row: &mut Row) -> Result<Workspace> {
    let mut workspace = Workspace {
        id: WorkspaceId::from_uuid(row.id()?),
        owner: OwnerId::new(row.text()?),
        desired: row.json::<Desired>()?,
        observed: row.json()?,
        revision: row.count()?,
        driver: Fence { master: MasterId::new(row.text()?), epoch: row.count()? },
        created_at: row.moment()?,
        updated_at: row.moment()?,
    };
    // The allotment is the truth; the text has what was wanted when it was written.
    workspace.desired.network_slot = row.opt_int()?.and_then(|slot| u32::try_from(slot).ok());
    Ok(workspace)
}

pub(crate) const fn intent_name(intent: Intent) -> &'static str {
    match intent {
        Intent::Running => "running",
        Intent::Stopped => "stopped",
        Intent::Deleted => "deleted",
    }
}
