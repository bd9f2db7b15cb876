//! One open channel per running workspace: opened when first used, opened anew when it broke.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ServerId, WorkspaceId};
use crate::model::{Status, Workspace};
use crate::orchestrator::Core;
use crate::port::{Channel, Server};

/// The place of one workspace's channel; locked while it is being opened, so that it is opened once.
type Place = Arc<AsyncMutex<Option<(u64, Arc<dyn Channel>)>>>;

/// The open channels of this master.
#[derive(Debug, Default)]
pub(super) struct Channels {
    open: Mutex<BTreeMap<WorkspaceId, Place>>,
}

impl Channels {
    fn place(&self, id: WorkspaceId) -> Place {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(open.entry(id).or_default())
    }

    /// Closes the channel of a workspace that stops; what runs through it ends.
    pub(super) fn close(&self, id: WorkspaceId) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl Core {
    /// The channel into a workspace's container.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] with what to do, by what the workspace does instead.
    pub(super) async fn channel(&self, row: &Workspace) -> Result<Arc<dyn Channel>> {
        if row.observed.status != Status::Running {
            let status = row.observed.status.name();
            let error = Error::new(ErrorKind::NotRunning, format!("the workspace is not running: it is {status}"));
            return Err(error.hint(match row.observed.status {
                Status::Stopped | Status::Error => "start it first",
                Status::Deleting => "it is being deleted",
                _ => "wait until it runs",
            }));
        }
        let generation = row.observed.generation;
        let place = self.channels.place(row.id);
        let mut slot = place.lock().await;
        if let Some((_, channel)) = slot.as_ref().filter(|(of, channel)| *of == generation && channel.is_open()) {
            return Ok(Arc::clone(channel));
        }
        let server = self.server_of_workspace(row)?;
        let channel = server.open_channel(&self.container_in_use(row, &server).await?).await?;
        *slot = Some((generation, Arc::clone(&channel)));
        Ok(channel)
    }

    /// The channel for what somebody does in a workspace, which is in use by that.
    ///
    /// # Errors
    /// As [`Core::channel`].
    pub(super) async fn channel_in_use(&self, row: &Workspace) -> Result<Arc<dyn Channel>> {
        self.uses.touch(row.id);
        self.channel(row).await
    }

    /// The connected server of a workspace.
    pub(super) fn server_of_workspace(&self, row: &Workspace) -> Result<Arc<dyn Server>> {
        let id = row.desired.server.ok_or_else(|| Error::new(ErrorKind::NotRunning, "the workspace has no server"))?;
        self.connected(id)
    }

    /// A connected server.
    pub(super) fn connected(&self, id: ServerId) -> Result<Arc<dyn Server>> {
        self.pool.get(id).ok_or_else(|| {
            Error::new(ErrorKind::Unreachable, "the server is not connected").hint("see last_error of the server")
        })
    }
}
