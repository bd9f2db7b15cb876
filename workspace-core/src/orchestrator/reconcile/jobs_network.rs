//! The network that jobs share is there while there are jobs.

use std::sync::Arc;

use crate::error::Result;
use crate::orchestrator::Core;
use crate::port::{ContainerState, JobFilter, NetworkSummary, ObjectKind, ObjectLabels, PageRequest, Server};

impl Core {
    /// Removes the jobs' network from a server that has no jobs. A job that begins at this moment makes it anew.
    pub(super) async fn close_jobs_network(
        &self,
        server: &Arc<dyn Server>,
        containers: &[ContainerState],
        networks: &[NetworkSummary],
    ) {
        let of_jobs = |labels: Option<&ObjectLabels>| labels.is_some_and(|labels| labels.kind == ObjectKind::Job);
        let Some(network) = networks.iter().find(|network| of_jobs(network.labels.as_ref())) else { return };
        if containers.iter().any(|container| of_jobs(container.labels.as_ref())) {
            return;
        }
        let removed = match self.has_jobs(server).await {
            Ok(false) => server.remove_network(&network.name, self.fleet).await,
            Ok(true) => return,
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::debug!(server = %server.id(), error = error.chain(), "network of the jobs not removed");
        }
    }

    async fn has_jobs(&self, server: &Arc<dyn Server>) -> Result<bool> {
        let filter = JobFilter { finished: Some(false), ..JobFilter::default() };
        let mut page = PageRequest::default();
        loop {
            let found = self.store.jobs(&filter, page).await?;
            if found.items.iter().any(|job| job.copy.server == server.id()) {
                return Ok(true);
            }
            match found.next {
                Some(after) => page.after = Some(after),
                None => return Ok(false),
            }
        }
    }
}
