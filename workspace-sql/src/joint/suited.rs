//! Which changes can be written together.

use workspace_core::model::Status;
use workspace_core::port::{Change, Write};

/// Whether a change has only writes whose order among those of other changes, and of other kinds in the same change,
/// does not matter.
pub(crate) fn is_suited(change: &Change) -> bool {
    let (mut made, mut claimed) = (Vec::new(), Vec::new());
    change.writes.iter().all(|write| match write {
        Write::InsertProject(_) | Write::Append(_) | Write::Audit(_) | Write::Remember(_) => true,
        Write::Reserve { server, .. } => {
            claimed.push(server);
            true
        }
        Write::InsertWorkspace(workspace) => {
            made.extend((workspace.observed.status != Status::Deleted).then_some(workspace.id));
            // What runs begins an interval.
            workspace.observed.status != Status::Running
        }
        // A workspace that is made here has no number yet, and a server that is claimed exists.
        Write::AllotNetwork { server, workspace, .. } => made.contains(workspace) && claimed.contains(&server),
        _ => false,
    })
}
