//! The volumes of a local server: folders.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::id::FleetId;
use workspace_core::port::{Created, ObjectLabels, VolumeSpec, VolumeStore, VolumeSummary};

use crate::files::{folder_is_empty, folder_usage, remove_folder};
use crate::process::mark;
use crate::server::folder::{check_name, disk_error, names, read_json, write_json};
use crate::server::machine::Machine;

/// The volumes of one local server. A volume belongs to the user of this process; its size is not limited.
#[derive(Clone, Debug)]
pub struct LocalVolumes(Arc<Machine>);

impl LocalVolumes {
    pub(super) fn new(machine: Arc<Machine>) -> Self {
        Self(machine)
    }

    /// Does blocking work on the machine.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Machine) -> Result<T> + Send + 'static) -> Result<T> {
        let machine = Arc::clone(&self.0);
        spawn_blocking(move || work(&machine)).await.unwrap_or_else(|lost| {
            Err(Error::new(ErrorKind::Internal, "the work on a volume did not end").source(lost))
        })
    }

    /// Looks into the data of a volume.
    async fn look_into<T: Send + 'static>(&self, name: &str, look: fn(&Path) -> io::Result<T>) -> Result<T> {
        check_name(name)?;
        let name = name.to_owned();
        self.run(move |machine| {
            if !labels_file(machine.folder(), &name).exists() {
                return Err(Error::not_found("volume"));
            }
            look(&data_of(machine.folder(), &name)).map_err(disk_error)
        })
        .await
    }
}

/// Where the volume of this name is kept.
pub(crate) fn folder_of(machine: &Path, name: &str) -> PathBuf {
    machine.join("volumes").join(name)
}

/// Where its data is.
pub(crate) fn data_of(machine: &Path, name: &str) -> PathBuf {
    folder_of(machine, name).join("data")
}

fn labels_file(machine: &Path, name: &str) -> PathBuf {
    folder_of(machine, name).join("labels.json")
}

/// Labels as they are kept.
pub(super) type LabelMap = BTreeMap<String, String>;

/// Labels as they are read; `None` for those of another version.
pub(super) fn parse(labels: &LabelMap) -> Option<ObjectLabels> {
    ObjectLabels::from_map(|name| labels.get(name).map(String::as_str))
}

/// Whether the fleet made it.
pub(super) fn is_of(labels: &LabelMap, fleet: FleetId) -> bool {
    labels.get(ObjectLabels::FLEET).is_some_and(|id| *id == fleet.to_string())
}

/// The error of a name that something else has.
pub(super) fn foreign(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::ForeignObject, format!("{what} {name} exists and is not ours"))
        .hint("remove or rename it on the server")
}

#[async_trait]
impl VolumeStore for LocalVolumes {
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<Created> {
        check_name(&spec.name)?;
        let spec = spec.clone();
        self.run(move |machine| {
            let _alone = machine.lock_volumes();
            let labels = spec.labels.to_map();
            let file = labels_file(machine.folder(), &spec.name);
            if let Some(there) = read_json::<LabelMap>(&file)? {
                return if there == labels { Ok(Created::Adopted) } else { Err(foreign("volume", &spec.name)) };
            }
            // The labels come last: a volume without them was never made.
            fs::create_dir_all(data_of(machine.folder(), &spec.name)).map_err(disk_error)?;
            write_json(&file, &labels)?;
            Ok(Created::New)
        })
        .await
    }

    async fn inspect_volume(&self, name: &str) -> Result<Option<VolumeSummary>> {
        check_name(name)?;
        let labels = read_json::<LabelMap>(&labels_file(self.0.folder(), name))?;
        Ok(labels.map(|labels| VolumeSummary { name: name.to_owned(), labels: parse(&labels) }))
    }

    async fn remove_volume(&self, name: &str, fleet: FleetId) -> Result<()> {
        check_name(name)?;
        let name = name.to_owned();
        self.run(move |machine| {
            let alone = machine.lock_volumes();
            let file = labels_file(machine.folder(), &name);
            let Some(labels) = read_json::<LabelMap>(&file)? else { return Ok(()) };
            if !is_of(&labels, fleet) {
                return Err(foreign("volume", &name));
            }
            if let Some(holder) = machine.containers().values().find(|container| container.mounts(&name)) {
                let message = format!("container {} has the volume {name}", holder.name());
                return Err(Error::new(ErrorKind::Conflict, message).hint("remove the container first"));
            }
            // Gone at once under this name: what a cut leaves of it is removed at the next start.
            let rubbish = machine.folder().join("rubbish").join(mark());
            fs::rename(folder_of(machine.folder(), &name), &rubbish).map_err(disk_error)?;
            drop(alone);
            remove_folder(&rubbish).map_err(disk_error)
        })
        .await
    }

    async fn list_volumes(&self, fleet: FleetId) -> Result<Vec<VolumeSummary>> {
        self.run(move |machine| {
            let mut found = Vec::new();
            for name in names(&machine.folder().join("volumes"))? {
                let Some(labels) = read_json::<LabelMap>(&labels_file(machine.folder(), &name))? else { continue };
                if is_of(&labels, fleet) && check_name(&name).is_ok() {
                    found.push(VolumeSummary { name, labels: parse(&labels) });
                }
            }
            Ok(found)
        })
        .await
    }

    async fn volume_usage(&self, name: &str) -> Result<u64> {
        self.look_into(name, folder_usage).await
    }

    async fn volume_is_empty(&self, name: &str) -> Result<bool> {
        self.look_into(name, folder_is_empty).await
    }
}
