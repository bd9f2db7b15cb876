//! The steps of a deletion.
//!
//! What has our name and is not ours is left alone: what was ours is gone. So a deletion ends whatever stands there.

use std::sync::Arc;

use crate::error::{ErrorKind, Result};
use crate::model::{Project, Workspace};
use crate::orchestrator::Core;
use crate::port::Server;

impl Core {
    pub(super) async fn container_removed(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<()> {
        self.channels.close(row.id);
        for generation in row.observed.generation.max(1)..=row.desired.generation {
            gone(server.remove_container(&row.container_name(generation), self.fleet).await)?;
        }
        Ok(())
    }

    pub(super) async fn network_removed(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<()> {
        gone(server.remove_network(&row.network_name(), self.fleet).await)
    }

    /// The data of a named project stays: nobody said that it may go.
    pub(super) async fn volume_removed(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<()> {
        let project = self.store.project(row.desired.project).await?.filter(Project::is_unnamed);
        let Some(project) = project else { return Ok(()) };
        // Those that a restore left behind go with it.
        let former = project.superseded.iter().chain(project.rescues.iter().map(|rescue| &rescue.copy));
        let here = project.copy.iter().chain(former).filter(|copy| copy.server == server.id());
        for copy in here {
            gone(self.remove_data(server, &project, copy).await)?;
        }
        Ok(())
    }
}

/// What somebody else has under our name stays, and holds nothing up.
pub(super) fn gone(removed: Result<()>) -> Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::ForeignObject => {
            tracing::warn!(error = error.chain(), "something that is not ours has our name; it is left alone");
            Ok(())
        }
        removed => removed,
    }
}
