//! Objects without a row.

use std::sync::Arc;

use crate::error::Result;
use crate::id::{JobId, WorkspaceId};
use crate::model::{Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::projects::FoundData;
use crate::orchestrator::server_object::ServerObjectKind;
use crate::port::{ContainerState, NetworkSummary, ObjectKind, ObjectLabels, Server, VolumeSummary};

/// Something of ours that no row knows. Containers sort before networks, which cannot go while a container is in them,
/// and before the data that they may write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::orchestrator) enum Orphan {
    /// A container of a workspace or of a job.
    Container(String),
    /// What prepares a volume or looks into one, which takes a moment and has no row.
    Helper(String),
    Network(String),
    Cache(String),
    Data(FoundData),
}

impl Orphan {
    pub(in crate::orchestrator) fn name(&self) -> &str {
        match self {
            Self::Container(name) | Self::Helper(name) | Self::Network(name) | Self::Cache(name) => name,
            Self::Data(found) => found.volume(),
        }
    }

    pub(in crate::orchestrator) const fn kind(&self) -> ServerObjectKind {
        match self {
            Self::Container(_) | Self::Helper(_) => ServerObjectKind::Container,
            Self::Network(_) => ServerObjectKind::Network,
            Self::Cache(_) | Self::Data(_) => ServerObjectKind::Volume,
        }
    }
}

/// What is of ours on a server.
pub(in crate::orchestrator) struct Listed {
    pub(in crate::orchestrator) containers: Vec<ContainerState>,
    pub(in crate::orchestrator) networks: Vec<NetworkSummary>,
    pub(in crate::orchestrator) volumes: Vec<VolumeSummary>,
}

/// What no row knows, and the workspaces with a container each that is theirs.
type Matched<'a> = (Vec<Orphan>, Vec<(Workspace, &'a ContainerState)>);

impl Core {
    pub(in crate::orchestrator) async fn list_objects(&self, server: &Arc<dyn Server>) -> Result<Listed> {
        Ok(Listed {
            containers: server.list_containers(self.fleet).await?,
            networks: server.list_networks(self.fleet).await?,
            volumes: server.volumes().list_volumes(self.fleet).await?,
        })
    }

    /// Compares what was listed with the rows as they are now. What has labels of an unknown version is left alone.
    pub(in crate::orchestrator) async fn match_rows<'a>(
        &self,
        server: &Arc<dyn Server>,
        listed: &'a Listed,
    ) -> Result<Matched<'a>> {
        let (mut orphans, mut known) = (Vec::new(), Vec::new());
        for container in &listed.containers {
            let Some(labels) = &container.labels else { continue };
            let name = || container.name.clone();
            match labels.kind {
                ObjectKind::Workspace => match self.row_of(labels, server).await? {
                    Some(row) if labels.generation >= row.observed.generation => known.push((row, container)),
                    _ => orphans.push(Orphan::Container(name())),
                },
                ObjectKind::Job if !self.is_at_work(labels).await? => orphans.push(Orphan::Container(name())),
                ObjectKind::Project | ObjectKind::Cache => orphans.push(Orphan::Helper(name())),
                ObjectKind::Job | ObjectKind::Worker => {}
            }
        }
        for network in &listed.networks {
            let Some(labels) = network.labels.as_ref().filter(|labels| labels.kind == ObjectKind::Workspace) else {
                continue;
            };
            if self.row_of(labels, server).await?.is_none() {
                orphans.push(Orphan::Network(network.name.clone()));
            }
        }
        for volume in &listed.volumes {
            orphans.extend(self.unknown_data(volume, server.id()).await?.map(Orphan::Data));
            if let Some(labels) = volume.labels.as_ref().filter(|labels| labels.kind == ObjectKind::Cache)
                && !self.knows_copy(labels, server.id()).await?
            {
                orphans.push(Orphan::Cache(volume.name.clone()));
            }
        }
        Ok((orphans, known))
    }

    /// Whether a job's container is still wanted. Its driver removes it right after the end.
    async fn is_at_work(&self, labels: &ObjectLabels) -> Result<bool> {
        let job = self.store.job(JobId::from_uuid(labels.subject)).await?;
        Ok(job.is_some_and(|job| !job.status.is_finished()))
    }

    /// The workspace that an object belongs to, unless it is gone or elsewhere.
    async fn row_of(&self, labels: &ObjectLabels, server: &Arc<dyn Server>) -> Result<Option<Workspace>> {
        let row = self.store.workspace(WorkspaceId::from_uuid(labels.subject)).await?;
        let here = |row: &Workspace| row.observed.status != Status::Deleted && row.desired.server == Some(server.id());
        Ok(row.filter(here))
    }
}
