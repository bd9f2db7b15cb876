//! Jobs as containers on the servers of a pool.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::{Error, ErrorKind, Result};
use crate::id::{FleetId, JobId, ServerId};
use crate::job::{CACHE, Lines};
use crate::port::{
    AgentRunner, ContainerSpec, ContainerState, ContainerStatus, JobEventStream, JobSpec, JobState, LogOptions, Mount,
    NetworkSpec, ObjectKind, ObjectLabels, OutputStream, Server, ServerPool, VolumeSpec,
};

/// The worker's path in every container of ours.
pub const WORKER: &str = "/.fleet/worker";

/// How long a cancelled job may take to end by itself: its process tree gets half of it.
const GRACE: Duration = Duration::from_secs(10);

/// The last number of a server's network range; numbers are tried downwards from there, since workspaces take them
/// from the other end.
const LAST_SLOT: u32 = 4_095;

/// How many numbers are tried before a server counts as out of networks.
const SLOTS: u32 = 64;

/// The [`AgentRunner`] of every backend with containers: `/.fleet/worker job` in a container named `job-<id>`.
#[derive(Debug)]
pub struct ServerJobs {
    pool: Arc<dyn ServerPool>,
    fleet: FleetId,
}

impl ServerJobs {
    /// Jobs of this fleet on the servers of this pool.
    pub fn new(pool: Arc<dyn ServerPool>, fleet: FleetId) -> Self {
        Self { pool, fleet }
    }

    fn server(&self, id: ServerId) -> Result<Arc<dyn Server>> {
        self.pool.get(id).ok_or_else(|| Error::new(ErrorKind::Unreachable, "the server is not connected"))
    }

    /// The container of a job. One of its name that is somebody else's is none.
    async fn container(&self, server: ServerId, job: JobId) -> Result<Option<ContainerState>> {
        let found = self.server(server)?.inspect_container(&container_name(job)).await?;
        let ours = |labels: &ObjectLabels| {
            (labels.fleet, labels.kind, labels.subject) == (self.fleet, ObjectKind::Job, job.as_uuid())
        };
        Ok(found.filter(|state| state.labels.as_ref().is_some_and(ours)))
    }

    fn labels(&self, kind: ObjectKind, subject: uuid::Uuid) -> ObjectLabels {
        ObjectLabels { fleet: self.fleet, kind, subject, generation: 1, spec_hash: String::new() }
    }

    /// The network that the jobs of this fleet share on a server; two fleets on one server have one each.
    async fn network(&self, server: &Arc<dyn Server>) -> Result<String> {
        let name = format!("net-jobs-{}", self.fleet);
        let mut taken = None;
        for slot in (LAST_SLOT - SLOTS..=LAST_SLOT).rev() {
            let labels = self.labels(ObjectKind::Job, uuid::Uuid::nil());
            match server.create_network(&NetworkSpec { name: name.clone(), slot, labels }).await {
                Ok(_) => return Ok(name),
                Err(error) if error.kind() == ErrorKind::NetworkTaken => taken = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(taken.unwrap_or_else(|| Error::new(ErrorKind::NetworkTaken, "no network is left for jobs")))
    }

    /// The volume for what jobs keep for the next one. Looked for first: making one may take a container of its own.
    async fn cache(&self, server: &Arc<dyn Server>, wanted: &VolumeSpec) -> Result<Mount> {
        let volumes = server.volumes();
        let found = volumes.inspect_volume(&wanted.name).await?;
        if !found.is_some_and(|found| found.labels.as_ref() == Some(&wanted.labels)) {
            volumes.create_volume(wanted).await?;
        }
        Ok(Mount { volume: wanted.name.clone(), target: CACHE.to_owned(), read_only: false })
    }

    async fn spec(&self, server: &Arc<dyn Server>, job: &JobSpec) -> Result<ContainerSpec> {
        let image = match &job.image {
            Some(image) => image.clone(),
            None => server.worker_image().ok_or_else(|| {
                Error::new(ErrorKind::WorkerImageMissing, "jobs need the worker image, and none was given")
                    .hint("give the pool a worker image")
            })?,
        };
        let mut mounts: Vec<_> = job.mount.iter().cloned().collect();
        if let Some(cache) = &job.cache {
            let told =
                |error: &Error| tracing::warn!(job = %job.id, error = error.chain(), "a job goes without its cache");
            mounts.extend(self.cache(server, cache).await.inspect_err(told).ok());
        }
        let labels = self.labels(ObjectKind::Job, job.id.as_uuid());
        Ok(ContainerSpec {
            command: vec![WORKER.to_owned(), "job".to_owned()],
            working_dir: job.mount.as_ref().map(|mount| mount.target.clone()),
            cpu_millis: job.resources.cpu_millis,
            memory_mib: job.resources.memory_mib,
            gpus: job.resources.gpus,
            mounts,
            network: Some(self.network(server).await?),
            open_stdin: true,
            ..ContainerSpec::new(container_name(job.id), image, labels)
        })
    }
}

fn container_name(job: JobId) -> String {
    format!("job-{job}")
}

#[async_trait]
impl AgentRunner for ServerJobs {
    async fn start(&self, job: JobSpec) -> Result<()> {
        let server = self.server(job.server)?;
        let name = container_name(job.id);
        // What ran is never started again, whatever became of it.
        let known = self.container(job.server, job.id).await?;
        if known.is_some_and(|state| state.status != ContainerStatus::Created) {
            return Ok(());
        }
        server.create_container(&self.spec(&server, &job).await?).await?;
        let line = format!("{}\n", job.request.reveal());
        server.start_container(&name, Some(Bytes::from(line))).await
    }

    async fn state(&self, server: ServerId, job: JobId) -> Result<JobState> {
        Ok(match self.container(server, job).await? {
            None => JobState::Missing,
            Some(state) => match state.status {
                ContainerStatus::Created => JobState::Made,
                ContainerStatus::Running | ContainerStatus::Paused => JobState::Running,
                ContainerStatus::Exited | ContainerStatus::Dead => {
                    JobState::Ended { exit_code: state.exit_code, out_of_memory: state.out_of_memory }
                }
            },
        })
    }

    async fn events(&self, server: ServerId, job: JobId, after: u64) -> Result<JobEventStream> {
        if self.container(server, job).await?.is_none() {
            return Err(Error::not_found("container"));
        }
        let options = LogOptions { tail: None, follow: true };
        let log = self.server(server)?.container_logs(&container_name(job), options).await?;
        let mut lines = Lines::default();
        let events = log.map_ok(move |chunk| {
            let events = if chunk.stream == OutputStream::Stdout { lines.push(&chunk.bytes) } else { Vec::new() };
            stream::iter(events.into_iter().filter(move |event| event.seq > after).map(Ok))
        });
        Ok(events.try_flatten().boxed())
    }

    async fn cancel(&self, server: ServerId, job: JobId) -> Result<()> {
        match self.container(server, job).await? {
            Some(_) => self.server(server)?.stop_container(&container_name(job), self.fleet, GRACE).await,
            None => Ok(()),
        }
    }

    async fn remove(&self, server: ServerId, job: JobId) -> Result<()> {
        self.server(server)?.remove_container(&container_name(job), self.fleet).await
    }
}
