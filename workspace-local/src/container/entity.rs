//! One container: its record, its log, and its life while it runs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use workspace_core::channel::ChannelClient;
use workspace_core::clock::{Clock as _, SystemClock};
use workspace_core::error::Result;
use workspace_core::id::FleetId;
use workspace_core::job::EVENT_BYTES;
use workspace_core::port::{ContainerSpec, ContainerState, ContainerStatus, LogOptions, LogStream, ObjectLabels};

use crate::channel::{ChannelSetup, serve_channel};
use crate::container::log::Log;
use crate::container::record::{Record, VARIABLE};
use crate::container::run::Life;
use crate::container::stats::Sample;
use crate::files::remove_folder;
use crate::process::{ProcessHost, Tree};
use crate::server::{data_of, disk_error, read_json, write_json};

/// Programs that were ended by our own end are told as ended by the kill signal.
pub(super) const KILLED: i64 = 137;

/// How much of a log is kept in any case, in bytes: all that a job may say, and the last of what others say.
fn log_half(record: &Record) -> u64 {
    if record.is_job() { EVENT_BYTES + (8 << 20) } else { 4 << 20 }
}

/// One container.
#[derive(Debug)]
pub(crate) struct Container {
    name: String,
    folder: PathBuf,
    /// Where `/workspace` really is.
    pub(super) workspace: PathBuf,
    /// Where a job's cache really is.
    pub(super) cache: Option<PathBuf>,
    record: Mutex<Record>,
    pub(super) log: Arc<Log>,
    pub(super) life: Mutex<Option<Life>>,
    /// Held while it is started, stopped or removed.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// Whether it runs, for those who follow its log.
    pub(super) running: watch::Sender<bool>,
    /// Its record is nobody's any more.
    pub(super) gone: AtomicBool,
    pub(super) sample: Mutex<Option<Sample>>,
}

impl Container {
    /// Makes a container that was never started.
    pub(crate) fn create(machine: &Path, spec: &ContainerSpec) -> Result<Arc<Self>> {
        let folder = machine.join("containers").join(&spec.name);
        // What an unfinished removal left.
        remove_folder(&folder).map_err(disk_error)?;
        fs::create_dir_all(&folder).map_err(disk_error)?;
        let container = Self::new(machine, &spec.name, folder, Record::new(spec));
        fs::create_dir_all(&container.workspace).map_err(disk_error)?;
        container.save()?;
        Ok(container)
    }

    /// Reads a container of an earlier process, whose programs are ended; `None` for half of one.
    pub(crate) fn restore(machine: &Path, name: &str) -> Result<Option<Arc<Self>>> {
        let folder = machine.join("containers").join(name);
        let Some(mut record) = read_json::<Record>(&folder.join("container.json"))? else { return Ok(None) };
        let ran = record.status == ContainerStatus::Running;
        if ran {
            Tree::marked(&record.variable()).end_now();
            record.status = ContainerStatus::Exited;
            record.exit_code = Some(KILLED);
            record.finished_at = Some(SystemClock.now());
        }
        let container = Self::new(machine, name, folder, record);
        if ran {
            container.save()?;
        }
        Ok(Some(container))
    }

    fn new(machine: &Path, name: &str, folder: PathBuf, record: Record) -> Arc<Self> {
        let workspace = match &record.volume {
            Some(volume) => data_of(machine, volume),
            None => folder.join("workspace"),
        };
        Arc::new(Self {
            name: name.to_owned(),
            log: Arc::new(Log::open(&folder, log_half(&record))),
            folder,
            workspace,
            cache: record.cache.as_ref().map(|volume| data_of(machine, volume)),
            record: Mutex::new(record),
            life: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            running: watch::channel(false).0,
            gone: AtomicBool::new(false),
            sample: Mutex::default(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The record; never held over an await.
    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its life while it runs; never held over an await.
    pub(super) fn life(&self) -> MutexGuard<'_, Option<Life>> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn save(&self) -> Result<()> {
        write_json(&self.folder.join("container.json"), &*self.record())
    }

    /// Whether it has this volume.
    pub(crate) fn mounts(&self, volume: &str) -> bool {
        let record = self.record();
        [&record.volume, &record.cache].into_iter().flatten().any(|name| name == volume)
    }

    /// Whether the fleet made it.
    pub(crate) fn is_of(&self, fleet: FleetId) -> bool {
        self.record().labels.get(ObjectLabels::FLEET).is_some_and(|id| *id == fleet.to_string())
    }

    /// Whether it has exactly these labels.
    pub(crate) fn has_labels(&self, labels: &ObjectLabels) -> bool {
        self.record().labels == labels.to_map()
    }

    /// What it does.
    pub(crate) fn state(&self) -> ContainerState {
        let record = self.record();
        let reached = |port: &u16| (*port, SocketAddr::from((Ipv4Addr::LOCALHOST, *port)));
        let running = record.status == ContainerStatus::Running;
        ContainerState {
            name: self.name.clone(),
            status: record.status,
            exit_code: record.exit_code,
            out_of_memory: false,
            started_at: record.started_at,
            finished_at: record.finished_at,
            ports: record.ports.iter().filter(|_| running).map(reached).collect(),
            labels: ObjectLabels::from_map(|name| record.labels.get(name).map(String::as_str)),
        }
    }

    /// Its log.
    pub(crate) fn logs(&self, options: LogOptions) -> LogStream {
        self.log.read(options, self.running.subscribe())
    }

    /// What its programs start from: nothing of ours but the search path, lest our secrets get there.
    pub(super) fn environment(&self) -> BTreeMap<String, OsString> {
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        let base = [("PATH", path), ("HOME", self.workspace.clone().into_os_string())];
        let mut variables: BTreeMap<String, OsString> =
            base.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        variables.extend(self.record().env.iter().map(|(name, value)| (name.clone(), value.into())));
        variables
    }

    /// A channel to the worker in this process; `None` when the container does not run.
    pub(crate) async fn open_channel(&self, host: &Arc<ProcessHost>) -> Result<Option<ChannelClient>> {
        let Some(over) = self.life().as_ref().map(|life| life.over.clone()) else { return Ok(None) };
        let mark = self.record().mark.clone();
        let setup =
            ChannelSetup::new(&self.workspace, Arc::clone(host)).environment(self.environment()).mark(VARIABLE, mark);
        let (near, far) = tokio::io::duplex(256 << 10);
        let (read, write) = tokio::io::split(far);
        tokio::spawn(async move {
            tokio::select! {
                served = serve_channel(read, write, setup) => {
                    if let Err(error) = served {
                        tracing::debug!(%error, "a local channel broke");
                    }
                }
                // The container's end ends every program that carries its mark.
                () = over.cancelled() => {}
            }
        });
        let (read, write) = tokio::io::split(near);
        ChannelClient::open(read, write).await.map(Some)
    }
}
