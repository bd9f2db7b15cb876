//! Which container is a workspace's: a name alone tells nothing, somebody else may have it.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::Workspace;
use crate::orchestrator::Core;
use crate::port::{ContainerState, ObjectLabels, Server};

impl Core {
    /// The container of this name, where it is the workspace's.
    pub(super) async fn own_container(
        &self,
        row: &Workspace,
        server: &Arc<dyn Server>,
        name: &str,
    ) -> Result<Option<ContainerState>> {
        let is_own = |labels: &ObjectLabels| labels.fleet == self.fleet && labels.subject == row.id.as_uuid();
        let found = server.inspect_container(name).await?;
        Ok(found.filter(|state| state.labels.as_ref().is_some_and(is_own)))
    }

    /// Stops the container of this name with its grace, where it is the workspace's.
    pub(super) async fn stop_own_container(&self, row: &Workspace, server: &Arc<dyn Server>, name: &str) -> Result<()> {
        match self.own_container(row, server, name).await? {
            Some(_) => server.stop_container(name, self.fleet, self.config.stop_grace).await,
            None => Ok(()),
        }
    }

    /// The name of the container that a workspace runs in, for what is done in it or asked of it.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] when it was removed behind our back.
    pub(super) async fn container_in_use(&self, row: &Workspace, server: &Arc<dyn Server>) -> Result<String> {
        let name = row.container_name(row.observed.generation);
        match self.own_container(row, server, &name).await? {
            Some(_) => Ok(name),
            None => Err(Error::new(ErrorKind::NotRunning, "the container of the workspace is gone")
                .hint("wait until it is made anew, or restart the workspace")),
        }
    }
}
