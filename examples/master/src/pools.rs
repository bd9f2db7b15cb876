//! The servers behind the fleet.

use std::sync::Arc;

use workspace_fleet::LocalPool;
use workspace_fleet::docker::{DockerPool, WorkerImage};
use workspace_fleet::error::{Error, Result};
use workspace_fleet::port::ServerPool;

use crate::settings::{ServerKind, Settings};

/// The pool that the settings ask for.
pub(crate) fn open(settings: &Settings) -> Result<Arc<dyn ServerPool>> {
    match settings.kind {
        ServerKind::Local => {
            let pool = LocalPool::new(settings.data_dir.join("servers"))
                .map_err(|error| Error::invalid("DATA_DIR", "the data directory has no place").source(error))?;
            Ok(Arc::new(pool.with_jobs(Arc::new(worker::WorkerSteps))))
        }
        ServerKind::Docker => {
            let builder = DockerPool::builder();
            if let Some(file) = &settings.worker_image {
                return Ok(Arc::new(builder.worker_image(WorkerImage::read(file)?).build()));
            }
            tracing::warn!("no WORKER_IMAGE: workspaces run programs, but have no files");
            Ok(Arc::new(builder.build()))
        }
    }
}
