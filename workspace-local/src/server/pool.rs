//! The pool of local servers.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::id::{FleetId, ServerId};
use workspace_core::model::{ServerRecord, ServerSpec, StorageKind};
use workspace_core::port::{Server, ServerPool};

use crate::job::DataSteps;
use crate::server::machine::Machine;
use crate::server::ports::LocalServer;

/// Servers that are folders of this machine: the fleet that needs nothing.
///
/// A server's endpoint is `local:///folder`. Its containers are child processes that start in the folder of their
/// volume. **There is no isolation at all**: programs run as this process's user, see the whole machine, and share
/// its network and ports; limits are not enforced. It is for trying out, for tests and for development.
///
/// Containers live as long as the process: they are ended when the last pool or server of a folder is dropped, and
/// what a killed process left behind is ended when the folder is opened again. Their state, their logs and the volumes
/// stay on the disk. Several pools of one process may name the same folder and share the server; another process
/// is kept out by a lock.
///
/// ```
/// use workspace_local::LocalPool;
///
/// # fn main() -> std::io::Result<()> {
/// let pool = LocalPool::temporary()?;
/// let spec = pool.spec("local-1");
/// assert_eq!(spec.name, "local-1");
/// assert!(spec.endpoint.starts_with("local:///"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LocalPool {
    folder: PathBuf,
    images: BTreeSet<String>,
    jobs: Option<Arc<dyn DataSteps>>,
    connected: Mutex<Connected>,
    /// Removed when the pool is dropped, after its servers.
    temporary: Option<TempDir>,
}

#[derive(Debug, Default)]
struct Connected {
    servers: BTreeMap<ServerId, Arc<LocalServer>>,
    /// Every machine that was connected to: what runs on a server that was disconnected runs on.
    machines: BTreeMap<PathBuf, Arc<Machine>>,
}

impl LocalPool {
    /// A pool whose [`spec`](Self::spec)s are folders below `folder`. Nothing is made before a server is connected.
    ///
    /// # Errors
    /// When the folder is relative and there is no current directory.
    pub fn new(folder: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self {
            folder: std::path::absolute(folder)?,
            images: BTreeSet::from(["workspace-base:latest".to_owned()]),
            jobs: None,
            connected: Mutex::default(),
            temporary: None,
        })
    }

    /// A pool in a new temporary folder, which is removed with the pool.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn temporary() -> io::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("workspace-fleet-").tempdir()?;
        let mut pool = Self::new(temporary.path())?;
        pool.temporary = Some(temporary);
        Ok(pool)
    }

    /// Adds a name to the images that the servers claim to have: `workspace-base` alone at first. Images mean
    /// nothing here, every program is this machine's; but a name that nobody declared is as missing as on a real
    /// server.
    #[must_use]
    pub fn with_image(mut self, name: impl AsRef<str>) -> Self {
        self.images.insert(full_name(name.as_ref()));
        self
    }

    /// Serves jobs in this process, the steps that move data by `steps`. Jobs end with the process.
    #[must_use]
    pub fn with_jobs(mut self, steps: Arc<dyn DataSteps>) -> Self {
        self.jobs = Some(steps);
        self
    }

    /// What to register: a server in the pool's folder, by this name.
    pub fn spec(&self, name: &str) -> ServerSpec {
        ServerSpec::new(name, format!("local://{}", self.folder.join(name).display()))
    }

    /// The specs of `count` servers: `local-1`, `local-2` and so on.
    pub fn specs(&self, count: usize) -> Vec<ServerSpec> {
        (1..=count).map(|number| self.spec(&format!("local-{number}"))).collect()
    }

    fn connected(&self) -> MutexGuard<'_, Connected> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LocalPool {
    fn drop(&mut self) {
        // The folder goes after what uses it.
        *self.connected() = Connected::default();
    }
}

/// The name of an image with its tag.
pub(super) fn full_name(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") }
}

fn folder_of(spec: &ServerSpec) -> Result<PathBuf> {
    let folder = spec.endpoint.strip_prefix("local://").filter(|folder| folder.starts_with('/') && folder.len() > 1);
    let Some(folder) = folder else {
        return Err(Error::invalid("endpoint", "the endpoint of a local server is `local:///folder`")
            .hint("servers of another kind need another pool"));
    };
    if spec.tls.is_some() {
        return Err(Error::invalid("tls", "a local server has no TLS").hint("leave out `tls`"));
    }
    if spec.storage != StorageKind::Volume {
        return Err(
            Error::invalid("storage", "a local server keeps its volumes in its own folder").hint("leave out `storage`")
        );
    }
    Ok(PathBuf::from(folder))
}

#[async_trait]
impl ServerPool for LocalPool {
    async fn connect(&self, record: &ServerRecord, _fleet: FleetId) -> Result<Arc<dyn Server>> {
        let folder = folder_of(&record.spec)?;
        let machine = spawn_blocking(move || Machine::open(&folder)).await.map_err(|lost| {
            Error::new(ErrorKind::Internal, "the folder of the local server was not opened").source(lost)
        })??;
        let server =
            Arc::new(LocalServer::new(record.id, Arc::clone(&machine), self.images.clone(), self.jobs.clone()));
        let mut connected = self.connected();
        connected.machines.insert(machine.folder().to_owned(), machine);
        connected.servers.insert(record.id, Arc::clone(&server));
        Ok(server)
    }

    async fn disconnect(&self, server: ServerId) {
        self.connected().servers.remove(&server);
    }

    fn get(&self, server: ServerId) -> Option<Arc<dyn Server>> {
        self.connected().servers.get(&server).map(|server| Arc::clone(server) as Arc<dyn Server>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_can_never_work_name_their_field() {
        let field = |spec: &ServerSpec| folder_of(spec).unwrap_err().field().map(str::to_owned);
        for endpoint in ["http://localhost:2375", "local:///", "local://relative", "local:/x", ""] {
            assert_eq!(field(&ServerSpec::new("local-1", endpoint)).as_deref(), Some("endpoint"), "{endpoint}");
        }
        let mut spec = ServerSpec::new("local-1", "local:///srv/fleet");
        assert_eq!(folder_of(&spec).unwrap(), Path::new("/srv/fleet"));
        spec.storage = StorageKind::Bind("/data".to_owned());
        assert_eq!(field(&spec).as_deref(), Some("storage"));
    }

    #[test]
    fn names_of_images_get_their_tag() {
        assert_eq!(full_name("base"), "base:latest");
        assert_eq!(full_name("host:5000/base"), "host:5000/base:latest");
        assert_eq!(full_name("base:1"), "base:1");
        assert_eq!(full_name("base@sha256:ab"), "base@sha256:ab");
    }
}
