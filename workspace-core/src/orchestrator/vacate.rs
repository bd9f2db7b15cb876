//! Leaving a server that is removed from the fleet.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::orchestrator::Core;
use crate::port::{ObjectKind, Server};

impl Core {
    /// Removes what an empty server still has of the fleet: the worker, the jobs' network, what a call that was given
    /// up left. Volumes with data stay, and so does what other fleets on the server use.
    pub(super) async fn vacate(&self, server: &Arc<dyn Server>) -> Result<()> {
        let told = |error: Error| tracing::warn!(server = %server.id(), error = error.chain(), "left on the server");
        for container in server.list_containers(self.fleet).await? {
            server.remove_container(&container.name, self.fleet).await.unwrap_or_else(told);
        }
        for network in server.list_networks(self.fleet).await? {
            server.remove_network(&network.name, self.fleet).await.unwrap_or_else(told);
        }
        for volume in server.volumes().list_volumes(self.fleet).await? {
            if volume.labels.is_some_and(|labels| matches!(labels.kind, ObjectKind::Worker | ObjectKind::Cache)) {
                server.volumes().remove_volume(&volume.name, self.fleet).await.unwrap_or_else(told);
            }
        }
        Ok(())
    }
}
