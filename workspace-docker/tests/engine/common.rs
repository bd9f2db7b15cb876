//! The real servers of the local fleet, and names of our own on them.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what is not there fails the test")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{Future, TryStreamExt};
use uuid::Uuid;
use workspace_core::environment::Environment;
use workspace_core::id::{FleetId, ServerId};
use workspace_core::model::{ServerRecord, ServerSpec};
use workspace_core::port::{
    ContainerSpec, ExecEnd, ExecEvent, ExecRequest, ExecStream, ImageRef, LogOptions, NetworkSpec, ObjectKind,
    ObjectLabels, OutputStream, Server, ServerPool, VolumeSpec,
};
use workspace_core::resources::Resources;
use workspace_docker::{Call, CallObserver, CallRecord, DockerPool, DockerPoolBuilder, WorkerImage};

/// How long anything may take that ends by itself: others use the machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A variable of the test environment; the tests are about real parts and fail without them.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: start the local fleet and set the test environment (make test does)")
    })
}

pub(crate) fn new_id() -> Uuid {
    Environment::system().uuid()
}

/// The servers of the fleet: the first speaks plain HTTP, the second mutual TLS.
pub(crate) fn specs() -> Vec<ServerSpec> {
    let specs: Vec<ServerSpec> = serde_json::from_str(&variable("WORKSPACE_TEST_SERVERS")).expect("server records");
    assert!(specs.len() >= 2, "WORKSPACE_TEST_SERVERS must have two servers");
    specs
}

pub(crate) fn plain_spec() -> ServerSpec {
    specs().into_iter().find(|spec| spec.endpoint.starts_with("http://")).expect("a plain server")
}

pub(crate) fn tls_spec() -> ServerSpec {
    specs().into_iter().find(|spec| spec.endpoint.starts_with("https://")).expect("a TLS server")
}

pub(crate) fn record(spec: ServerSpec) -> ServerRecord {
    ServerRecord::new(
        ServerId::from_uuid(new_id()),
        spec,
        Resources::default(),
        workspace_core::clock::Timestamp::from_micros(0),
    )
}

pub(crate) fn worker_image() -> WorkerImage {
    WorkerImage::read(variable("WORKSPACE_TEST_WORKER_IMAGE")).expect("the worker image")
}

/// Remembers every call.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<Vec<CallRecord>>);

impl CallObserver for Calls {
    fn observe(&self, record: &CallRecord) {
        self.0.lock().unwrap().push(*record);
    }
}

impl Calls {
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.0.lock().unwrap()).into_iter().map(|record| record.call).collect()
    }

    pub(crate) fn records(&self) -> Vec<CallRecord> {
        self.0.lock().unwrap().clone()
    }
}

/// Where the networks of these tests are.
pub(crate) const NETWORKS: &str = "10.201.0.0/16";

/// One server with a fleet id of the test's own. What a test makes there it removes with [`Bench::clean`].
pub(crate) struct Bench {
    pub(crate) server: Arc<dyn Server>,
    pub(crate) fleet: FleetId,
    pub(crate) calls: Arc<Calls>,
    pub(crate) slot: u32,
}

impl Bench {
    /// Without a worker.
    pub(crate) async fn plain(spec: ServerSpec) -> Self {
        Self::with(spec, DockerPool::builder()).await
    }

    /// With the worker image, prepared.
    pub(crate) async fn worker(spec: ServerSpec) -> Self {
        Self::with(spec, DockerPool::builder().worker_image(worker_image())).await
    }

    pub(crate) async fn with(mut spec: ServerSpec, builder: DockerPoolBuilder) -> Self {
        // Other tests and fleets on these servers take networks out of the default range.
        spec.network_cidr.get_or_insert_with(|| NETWORKS.to_owned());
        let calls = Arc::new(Calls::default());
        let pool = builder.observer(Arc::clone(&calls) as Arc<dyn CallObserver>).build();
        let fleet = FleetId::from_uuid(new_id());
        let server = pool.connect(&record(spec), fleet).await.expect("connect");
        // Tests run side by side on one server.
        let slot = u32::from_le_bytes(Environment::system().bytes()) % 4096;
        Self { server, fleet, calls, slot }
    }

    pub(crate) fn labels(&self, kind: ObjectKind) -> ObjectLabels {
        ObjectLabels { fleet: self.fleet, kind, subject: new_id(), generation: 1, spec_hash: "t".to_owned() }
    }

    pub(crate) fn network(&self) -> NetworkSpec {
        let labels = self.labels(ObjectKind::Workspace);
        NetworkSpec { name: format!("net-{}", labels.subject), slot: self.slot, labels }
    }

    pub(crate) fn volume(&self) -> VolumeSpec {
        let labels = self.labels(ObjectKind::Project);
        VolumeSpec { name: format!("vol-{}-g1", labels.subject), labels }
    }

    /// A small container without network that runs a shell line.
    pub(crate) fn container(&self, line: &str) -> ContainerSpec {
        let labels = self.labels(ObjectKind::Workspace);
        let name = format!("ws-{}-g1", labels.subject);
        ContainerSpec {
            command: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
            cpu_millis: 500,
            memory_mib: 64,
            pids: 64,
            ..ContainerSpec::new(name, ImageRef::new("workspace-base"), labels)
        }
    }

    /// Makes and starts it.
    pub(crate) async fn run(&self, spec: &ContainerSpec) {
        self.server.create_container(spec).await.expect("create");
        self.server.start_container(&spec.name, None).await.expect("start");
    }

    /// What it wrote until it ended.
    pub(crate) async fn output(&self, name: &str) -> (String, String) {
        let options = LogOptions { tail: None, follow: true };
        let log = self.server.container_logs(name, options).await.expect("logs");
        let chunks: Vec<_> = log.try_collect().await.expect("the whole log");
        let (mut stdout, mut stderr) = (String::new(), String::new());
        for chunk in chunks {
            let text = String::from_utf8_lossy(&chunk.bytes).into_owned();
            match chunk.stream {
                OutputStream::Stdout => stdout.push_str(&text),
                OutputStream::Stderr => stderr.push_str(&text),
            }
        }
        (stdout, stderr)
    }

    /// Removes everything of the test's fleet, but never what carries the worker: other tests use it.
    pub(crate) async fn clean(&self) {
        for container in self.server.list_containers(self.fleet).await.expect("containers") {
            self.server.remove_container(&container.name, self.fleet).await.expect("remove");
        }
        for network in self.server.list_networks(self.fleet).await.expect("networks") {
            self.server.remove_network(&network.name, self.fleet).await.expect("remove");
        }
        for volume in self.server.volumes().list_volumes(self.fleet).await.expect("volumes") {
            if volume.labels.is_some_and(|labels| labels.kind != ObjectKind::Worker) {
                self.server.volumes().remove_volume(&volume.name, self.fleet).await.expect("remove");
            }
        }
    }
}

/// Waits until a condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn shell(line: &str) -> ExecRequest {
    ExecRequest::new(["/bin/sh", "-c", line])
}

/// What a program wrote and how it ended.
pub(crate) async fn ended(mut stream: ExecStream) -> (String, String, ExecEnd, bool) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(event) = stream.try_next().await.expect("an event") {
        match event {
            ExecEvent::Stdout(bytes) => stdout.extend_from_slice(&bytes),
            ExecEvent::Stderr(bytes) => stderr.extend_from_slice(&bytes),
            ExecEvent::Ended { end, truncated, .. } => {
                let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
                return (text(stdout), text(stderr), end, truncated);
            }
        }
    }
    panic!("the stream ended before the program");
}
