//! One folder as a server: everything of it that is shared by those who are connected to it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use workspace_core::error::{Error, ErrorKind, Result};

use crate::container::Container;
use crate::files::remove_folder;
use crate::process::ProcessHost;
use crate::server::folder::{disk_error, names};

/// The machines of this process by folder, so that every pool that names a folder means the same server.
static MACHINES: Mutex<BTreeMap<PathBuf, Weak<Machine>>> = Mutex::new(BTreeMap::new());

/// A folder that is used as a server. The last to let go of it ends its containers.
#[derive(Debug)]
pub(crate) struct Machine {
    folder: PathBuf,
    host: Arc<ProcessHost>,
    containers: Mutex<BTreeMap<String, Arc<Container>>>,
    /// Held while volumes are made and removed.
    volumes: Mutex<()>,
    /// Held while networks are made and removed.
    networks: Mutex<()>,
    /// Locked while the machine lives, so that no other process uses the folder.
    _lock: File,
}

impl Machine {
    /// Opens a folder, which is made when it is missing. What an earlier process left running is ended.
    pub(crate) fn open(folder: &Path) -> Result<Arc<Self>> {
        for part in ["containers", "volumes", "networks", "rubbish"] {
            fs::create_dir_all(folder.join(part)).map_err(disk_error)?;
        }
        let folder = folder.canonicalize().map_err(disk_error)?;
        let mut machines = MACHINES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = machines.get(&folder).and_then(Weak::upgrade) {
            return Ok(machine);
        }
        let lock = lock(&folder)?;
        for name in names(&folder.join("rubbish"))? {
            remove_folder(&folder.join("rubbish").join(name)).map_err(disk_error)?;
        }
        let mut containers = BTreeMap::new();
        for name in names(&folder.join("containers"))? {
            if let Some(container) = Container::restore(&folder, &name)? {
                containers.insert(name, container);
            }
        }
        let machine = Arc::new(Self {
            host: ProcessHost::new(),
            containers: Mutex::new(containers),
            volumes: Mutex::default(),
            networks: Mutex::default(),
            _lock: lock,
            folder: folder.clone(),
        });
        machines.retain(|_, machine| machine.strong_count() > 0);
        machines.insert(folder, Arc::downgrade(&machine));
        Ok(machine)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Who starts the programs.
    pub(crate) fn host(&self) -> &Arc<ProcessHost> {
        &self.host
    }

    /// The containers by name; never held over an await.
    pub(crate) fn containers(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Container>>> {
        self.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One container.
    pub(crate) fn container(&self, name: &str) -> Option<Arc<Container>> {
        self.containers().get(name).cloned()
    }

    pub(super) fn lock_volumes(&self) -> MutexGuard<'_, ()> {
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_networks(&self) -> MutexGuard<'_, ()> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for container in self.containers().values() {
            container.abandon();
        }
    }
}

fn lock(folder: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(folder.join("server.lock"));
    let file = file.map_err(disk_error)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => {
            Err(Error::new(ErrorKind::Unreachable, "another process uses the folder of the local server")
                .hint("end the other process, or give this one another folder"))
        }
        Err(error) => Err(disk_error(error.into())),
    }
}
