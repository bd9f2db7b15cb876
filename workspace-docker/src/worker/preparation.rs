//! Getting the worker onto a server: once, before it is first needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bollard::models::VolumeCreateRequest;
use tokio::sync::Mutex;
use uuid::Uuid;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::id::FleetId;
use workspace_core::port::{ContainerSpec, ImageRef, Mount, ObjectKind, ObjectLabels};

use crate::call::Call;
use crate::container::{self, WORKER_PATH};
use crate::engine::Engine;
use crate::worker::WorkerImage;
use crate::{images, labels};

/// The worker of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Worker(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    fleet: FleetId,
    image: WorkerImage,
    volume: String,
    ready: AtomicBool,
    /// Held while it is prepared: whoever comes meanwhile waits for that.
    preparing: Mutex<()>,
}

impl Worker {
    pub(crate) fn new(engine: &Engine, fleet: FleetId, image: Option<WorkerImage>) -> Self {
        Self(image.map(|image| {
            Arc::new(Inner {
                engine: engine.clone(),
                fleet,
                volume: image.volume(),
                image,
                ready: AtomicBool::new(false),
                preparing: Mutex::new(()),
            })
        }))
    }

    /// The volume with the program, prepared; `None` where there is no worker.
    pub(crate) async fn volume(&self) -> Result<Option<&str>> {
        let Some(inner) = &self.0 else { return Ok(None) };
        inner.prepare().await?;
        Ok(Some(&inner.volume))
    }

    /// The image with the program, prepared; `None` where there is no worker.
    pub(crate) async fn image(&self) -> Result<Option<ImageRef>> {
        let Some(inner) = &self.0 else { return Ok(None) };
        inner.prepare().await?;
        Ok(Some(ImageRef::new(inner.image.name())))
    }

    /// The image with the program; an error where there is no worker.
    pub(crate) async fn needed(&self, what: &str) -> Result<ImageRef> {
        self.image().await?.ok_or_else(|| missing(what))
    }

    /// The name of the image, prepared or not.
    pub(crate) fn image_name(&self) -> Option<ImageRef> {
        self.0.as_ref().map(|inner| ImageRef::new(inner.image.name()))
    }

    /// Whether there is one, prepared or not.
    pub(crate) fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// Prepares it in the background, unless that is done or goes on.
    pub(crate) fn prepare_in_background(&self) {
        let Some(inner) = self.0.clone().filter(|inner| !inner.ready.load(Ordering::Acquire)) else { return };
        tokio::spawn(async move {
            let Ok(_alone) = inner.preparing.try_lock() else { return };
            if inner.ready.load(Ordering::Acquire) {
                return;
            }
            if let Err(error) = inner.fill().await {
                tracing::warn!(server = inner.engine.name(), error = error.chain(), "the worker is not prepared");
            }
        });
    }

    /// Something of it was gone from the server: prepares it anew when it is next needed.
    pub(crate) fn forget(&self) {
        if let Some(inner) = &self.0 {
            inner.ready.store(false, Ordering::Release);
        }
    }
}

/// The error of what needs the worker where there is none.
pub(crate) fn missing(what: &str) -> Error {
    Error::new(ErrorKind::WorkerImageMissing, format!("{what} needs the worker image"))
        .hint("build it with fleet/worker-image and pass it to DockerPool::builder().worker_image(..)")
}

impl Inner {
    async fn prepare(&self) -> Result<()> {
        if self.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let _alone = self.preparing.lock().await;
        if self.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        self.fill().await
    }

    /// Loads the image if it is missing and lets the Engine copy the program into the volume: it does so when a
    /// container is made whose image has something where an empty volume is mounted.
    async fn fill(&self) -> Result<()> {
        let image = ImageRef::new(self.image.name());
        if !images::has(&self.engine, &image).await? {
            images::load(&self.engine, self.image.archive()).await?;
        }
        let labels = ObjectLabels {
            fleet: self.fleet,
            kind: ObjectKind::Worker,
            subject: Uuid::nil(),
            generation: 0,
            spec_hash: self.image.hash().to_owned(),
        };
        self.create_volume(&labels).await?;
        let mount = Mount { volume: self.volume.clone(), target: WORKER_PATH.to_owned(), read_only: false };
        copy_up(&self.engine, &format!("{}-fill", self.volume), image, mount, labels).await?;
        self.ready.store(true, Ordering::Release);
        tracing::info!(server = self.engine.name(), worker = self.image.hash(), "the worker is prepared");
        Ok(())
    }

    async fn create_volume(&self, wanted: &ObjectLabels) -> Result<()> {
        let request = VolumeCreateRequest {
            name: Some(self.volume.clone()),
            labels: Some(labels::to_engine(wanted)),
            ..VolumeCreateRequest::default()
        };
        let refused = |failure| self.engine.error(failure, format!("create volume {}", self.volume));
        self.engine.call(Call::VolumeCreate, self.engine.docker().create_volume(request)).await.map_err(refused)?;
        // Its answer tells of a volume that was there without labels when the Engine was started since.
        let inspected = self.engine.docker().inspect_volume(&self.volume);
        let found = self.engine.call(Call::VolumeInspect, inspected).await.map_err(refused)?;
        let found = labels::from_engine(&found.labels);
        labels::adopt(&format!("volume {}", self.volume), found.as_ref(), wanted).map(drop)
    }
}

/// Makes and removes a container that is never started: two calls. The volume, if it is empty, then has the content
/// and the owner of the image's directory.
pub(crate) async fn copy_up(
    engine: &Engine,
    name: &str,
    image: ImageRef,
    mount: Mount,
    labels: ObjectLabels,
) -> Result<()> {
    let spec = ContainerSpec { mounts: vec![mount], ..ContainerSpec::new(name, image, labels) };
    let made = container::make(engine, name, &container::body(&spec, None, None), &spec.labels).await?;
    container::remove_id(engine, &made.id, name).await
}
