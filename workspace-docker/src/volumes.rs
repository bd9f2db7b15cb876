//! Volumes on an Engine.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bollard::models::{ContainerSummary, Mount as EngineMount, MountType, Volume, VolumeCreateRequest};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveVolumeOptions};
use workspace_core::environment::Environment;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::id::FleetId;
use workspace_core::model::StorageKind;
use workspace_core::port::{Created, Mount, ObjectLabels, VolumeSpec, VolumeStore, VolumeSummary};

use crate::call::Call;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::worker::{Run, Worker, copy_up, missing, run};
use crate::{container, labels, names};

/// The label that tells a new volume from one that was there: an Engine answers alike, with the labels it has.
const MAKING: &str = "fleet.making";
/// Where the worker sees the directory that holds all volumes of a server with bind storage.
const DATA_ROOT: &str = "/.data";
/// Where the worker sees one volume.
const DATA: &str = "/workspace";

/// The volumes of one Docker Engine: named volumes of its `local` driver, whose data is either Docker's to place
/// (`storage: "volume"`) or a directory below a root of the server (`storage: "bind:<root>"`).
///
/// - The root of a new volume belongs to 1000:1000. With `volume` storage and no worker image, Docker decides: the
///   volume's root gets the owner that the volume's path has in the image of the first container that mounts it,
///   and root where the image has no such path.
/// - `bind` storage, [`volume_usage`](VolumeStore::volume_usage) and
///   [`volume_is_empty`](VolumeStore::volume_is_empty) need the worker image
///   ([`WorkerImageMissing`](ErrorKind::WorkerImageMissing)).
/// - Making a named volume takes three calls, removing one takes two.
#[derive(Clone, Debug)]
pub struct DockerVolumes {
    engine: Engine,
    storage: StorageKind,
    worker: Worker,
    environment: Environment,
    /// Names of volumes whose making the Engine refused, and which may be there in part.
    half_made: Arc<Mutex<BTreeSet<String>>>,
}

impl DockerVolumes {
    pub(crate) fn new(engine: Engine, storage: StorageKind, worker: Worker, environment: Environment) -> Self {
        Self { engine, storage, worker, environment, half_made: Arc::default() }
    }

    /// Makes or finds the volume itself, without anything in it. What was there is inspected: an Engine that was
    /// started since its making answers a create without its labels.
    async fn make(&self, spec: &VolumeSpec) -> Result<Created> {
        self.forget_half_made(&spec.name).await;
        let making = self.environment.uuid().to_string();
        let mut marked = labels::to_engine(&spec.labels);
        marked.insert(MAKING.to_owned(), making.clone());
        let driver_opts = match &self.storage {
            StorageKind::Volume => None,
            StorageKind::Bind(root) => Some(HashMap::from([
                ("type".to_owned(), "none".to_owned()),
                ("o".to_owned(), "bind".to_owned()),
                ("device".to_owned(), format!("{}/{}", root.trim_end_matches('/'), spec.name)),
            ])),
        };
        let request = VolumeCreateRequest {
            name: Some(spec.name.clone()),
            driver: Some("local".to_owned()),
            driver_opts,
            labels: Some(marked),
            ..VolumeCreateRequest::default()
        };
        let found = match self.engine.call(Call::VolumeCreate, self.engine.docker().create_volume(request)).await {
            Ok(volume) if volume.labels.get(MAKING) == Some(&making) => return Ok(Created::New),
            Ok(volume) => self.find(&spec.name).await?.unwrap_or(volume),
            Err(failure) if failure.is_status(409) || failure.may_have_happened() => match self.find(&spec.name).await?
            {
                Some(volume) => volume,
                None => return Err(self.refused(failure, "create", &spec.name)),
            },
            Err(failure) => {
                self.half_made().insert(spec.name.clone());
                self.forget_half_made(&spec.name).await;
                return Err(self.refused(failure, "create", &spec.name));
            }
        };
        let found = labels::from_engine(&found.labels);
        labels::adopt(&format!("volume {}", spec.name), found.as_ref(), &spec.labels)
    }

    fn half_made(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.half_made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what is left of a making of ours that failed. An Engine that cannot write down whose a volume is,
    /// because its disk is full, leaves it there without labels: no list would ever find it, and no later create would
    /// take it for ours. Nothing has used it. While the disk is full it cannot even be looked at: then the next who
    /// asks for it tries again.
    async fn forget_half_made(&self, name: &str) {
        if !self.half_made().contains(name) {
            return;
        }
        let gone = match self.find(name).await {
            Ok(Some(volume)) if volume.labels.is_empty() => self.forget(name).await,
            found => found.map(drop),
        };
        match gone {
            Ok(()) => drop(self.half_made().remove(name)),
            Err(error) => tracing::debug!(volume = name, error = error.chain(), "half a volume is left for now"),
        }
    }

    /// Gives the root of a new named volume its owner. Repeated after a cut: a volume with data keeps its own.
    async fn own(&self, spec: &VolumeSpec) -> Result<()> {
        let Some(image) = self.worker.image().await? else { return Ok(()) };
        let mount = Mount { volume: spec.name.clone(), target: DATA.to_owned(), read_only: false };
        let owned = copy_up(&self.engine, &format!("own-{}", spec.name), image, mount, spec.labels.clone()).await;
        self.remember(owned)
    }

    /// Looks whether the worker is gone from the server.
    fn remember<T>(&self, result: Result<T>) -> Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::ImageNotFound) {
            self.worker.forget();
        }
        result
    }

    /// Lets the worker make or remove the directory of a volume with bind storage.
    async fn worker_on_root(&self, verb: &str, root: &str, name: &str, labels: &ObjectLabels) -> Result<()> {
        let mount = EngineMount {
            typ: Some(MountType::BIND),
            source: Some(root.to_owned()),
            target: Some(DATA_ROOT.to_owned()),
            ..EngineMount::default()
        };
        self.worker_run(verb, format!("{DATA_ROOT}/{name}"), name, mount, labels).await.map(drop)
    }

    async fn worker_run(
        &self,
        verb: &str,
        directory: String,
        name: &str,
        mount: EngineMount,
        labels: &ObjectLabels,
    ) -> Result<String> {
        let image = self.worker.needed(&format!("volume {name}")).await?;
        let arguments = vec![verb.to_owned(), directory];
        // A name of its own: two runs at once must not take each other's output.
        let name = format!("{verb}-{}", self.environment.uuid());
        self.remember(run(&self.engine, Run { image, name, arguments, mount, labels: labels.clone() }).await)
    }

    /// What the worker says of what is in a volume.
    async fn look_into<T>(&self, verb: &str, name: &str) -> Result<T>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        names::check("name", name)?;
        let found = self.find(name).await?.ok_or_else(|| Error::not_found("volume"))?;
        let labels = labels::from_engine(&found.labels).ok_or_else(|| {
            Error::new(ErrorKind::ForeignObject, format!("volume {name} has no labels that we can read"))
        })?;
        let mount = EngineMount {
            typ: Some(MountType::VOLUME),
            source: Some(name.to_owned()),
            target: Some(DATA.to_owned()),
            read_only: Some(true),
            ..EngineMount::default()
        };
        let said = self.worker_run(verb, DATA.to_owned(), name, mount, &labels).await?;
        said.trim().parse().map_err(|error| {
            Error::new(ErrorKind::Internal, format!("the worker did not say the {verb} of volume {name}")).source(error)
        })
    }

    async fn find(&self, name: &str) -> Result<Option<Volume>> {
        match self.engine.call(Call::VolumeInspect, self.engine.docker().inspect_volume(name)).await {
            Ok(volume) => Ok(Some(volume)),
            Err(failure) if failure.is_status(404) => Ok(None),
            Err(failure) => Err(self.refused(failure, "inspect", name)),
        }
    }

    /// Removes what the worker left of the volume's making or measuring when a master died in the middle of it.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) when any other container, in whatever state, has the volume.
    async fn release(&self, name: &str, volume: &ObjectLabels) -> Result<()> {
        for holder in self.holders(name).await? {
            let labels = holder.labels.as_ref().and_then(labels::from_engine);
            let id = holder.id.unwrap_or_default();
            if labels.is_none_or(|labels| labels != *volume) {
                let names = holder.names.unwrap_or_default().join(" ");
                let message = format!("volume {name} is in use by container {}", names.trim_start_matches('/'));
                return Err(Error::new(ErrorKind::Conflict, message).hint("remove the containers of the volume first"));
            }
            container::remove_id(&self.engine, &id, &id).await?;
        }
        Ok(())
    }

    /// The containers, in every state, that have the volume.
    async fn holders(&self, name: &str) -> Result<Vec<ContainerSummary>> {
        let filter = HashMap::from([("volume".to_owned(), vec![name.to_owned()])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filter).build();
        let mut holders = self
            .engine
            .call(Call::ContainerList, self.engine.docker().list_containers(Some(options)))
            .await
            .map_err(|failure| self.refused(failure, "look who uses", name))?;
        // The filter also finds volumes whose name begins like this one.
        holders.retain(|holder| holder.mounts.iter().flatten().any(|mount| mount.name.as_deref() == Some(name)));
        Ok(holders)
    }

    /// Removes the volume itself.
    async fn forget(&self, name: &str) -> Result<()> {
        let removed = self.engine.docker().remove_volume(name, None::<RemoveVolumeOptions>);
        match self.engine.call(Call::VolumeRemove, removed).await {
            Err(failure) if !failure.is_status(404) => Err(self.refused(failure, "remove", name)),
            _ => Ok(()),
        }
    }

    fn refused(&self, failure: Failure, verb: &str, name: &str) -> Error {
        self.engine.error(failure, format!("{verb} volume {name}"))
    }
}

/// The root of the server in which the volume's directory is; `None` for Docker's own place.
fn bind_root(volume: &Volume) -> Option<&str> {
    volume.options.get("device")?.strip_suffix(&volume.name)?.strip_suffix('/')
}

fn summary(volume: &Volume) -> VolumeSummary {
    VolumeSummary { name: volume.name.clone(), labels: labels::from_engine(&volume.labels) }
}

#[async_trait]
impl VolumeStore for DockerVolumes {
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<Created> {
        names::check("name", &spec.name)?;
        match &self.storage {
            StorageKind::Volume => {
                let created = self.make(spec).await?;
                self.own(spec).await?;
                Ok(created)
            }
            StorageKind::Bind(root) => {
                if !self.worker.is_given() {
                    return Err(missing("bind storage"));
                }
                let created = self.make(spec).await?;
                let prepared = self.worker_on_root("prepare", root, &spec.name, &spec.labels).await;
                if prepared.is_err() && created == Created::New {
                    // Nothing is in it, and without its directory it could not be removed in the usual way.
                    let _ = self.forget(&spec.name).await;
                }
                prepared.map(|()| created)
            }
        }
    }

    async fn inspect_volume(&self, name: &str) -> Result<Option<VolumeSummary>> {
        names::check("name", name)?;
        Ok(self.find(name).await?.as_ref().map(summary))
    }

    async fn remove_volume(&self, name: &str, fleet: FleetId) -> Result<()> {
        names::check("name", name)?;
        self.forget_half_made(name).await;
        let Some(volume) = self.find(name).await? else { return Ok(()) };
        let found = labels::from_engine(&volume.labels);
        labels::ours(&format!("volume {name}"), found.as_ref(), fleet)?;
        let Some(labels) = found else { return Ok(()) };
        if let Some(root) = bind_root(&volume) {
            // Docker forgets such a volume without touching its directory, which must go first: after a cut the
            // volume is still there to say so.
            self.release(name, &labels).await?;
            self.worker_on_root("remove", root, name, &labels).await?;
        }
        match self.forget(name).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                self.release(name, &labels).await?;
                self.forget(name).await
            }
            outcome => outcome,
        }
    }

    async fn list_volumes(&self, fleet: FleetId) -> Result<Vec<VolumeSummary>> {
        let options = ListVolumesOptionsBuilder::new().filters(&labels::of_fleet(fleet)).build();
        let listed = self
            .engine
            .call(Call::VolumeList, self.engine.docker().list_volumes(Some(options)))
            .await
            .map_err(|failure| self.engine.error(failure, "list its volumes"))?;
        let mut volumes: Vec<_> = listed.volumes.unwrap_or_default().iter().map(summary).collect();
        volumes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(volumes)
    }

    async fn volume_usage(&self, name: &str) -> Result<u64> {
        self.look_into("usage", name).await
    }

    async fn volume_is_empty(&self, name: &str) -> Result<bool> {
        self.look_into("is-empty", name).await
    }
}
