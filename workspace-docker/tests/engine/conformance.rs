//! The conformance suites of the ports on real servers: plain HTTP and mutual TLS, with the worker and without,
//! named volumes and bind storage.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use workspace_core::id::{FleetId, JobId, ServerId};
use workspace_core::job::{AgentStep, CACHE, JobRequest, JobStep, ServerJobs};
use workspace_core::model::{ServerRecord, ServerSpec, StorageKind};
use workspace_core::port::{
    AgentRunner, Channel, ImageRef, JobSpec, Mount, ObjectKind, ObjectLabels, ServerPool, VolumeSpec,
};
use workspace_core::resources::Resources;
use workspace_core::secret::Secret;
use workspace_core::testing::conformance;
use workspace_docker::DockerPool;

use crate::common::{Bench, NETWORKS, new_id, plain_spec, record, tls_spec, worker_image};

fn subject() -> conformance::server::Subject {
    conformance::server::Subject::new(FleetId::from_uuid(new_id()), ImageRef::new("workspace-base"))
}

async fn server_with_worker(spec: ServerSpec) {
    let pool = DockerPool::builder().worker_image(worker_image()).build();
    let record = record(ServerSpec { network_cidr: Some(NETWORKS.to_owned()), ..spec });
    conformance::server::run_all(&pool, &record, &subject()).await;
}

#[tokio::test]
async fn server_over_plain_http() {
    server_with_worker(plain_spec()).await;
}

#[tokio::test]
async fn server_over_mutual_tls() {
    server_with_worker(tls_spec()).await;
}

#[tokio::test]
async fn server_without_worker() {
    let record = record(ServerSpec { network_cidr: Some(NETWORKS.to_owned()), ..tls_spec() });
    conformance::server::run_without_worker(&DockerPool::new(), &record, &subject()).await;
}

#[tokio::test]
async fn named_volumes() {
    for spec in [plain_spec(), tls_spec()] {
        let bench = Bench::worker(spec).await;
        conformance::volume_store::run_all(bench.server.volumes(), bench.fleet).await;
    }
}

#[tokio::test]
async fn bind_volumes() {
    // The servers of the local fleet share this machine's files.
    let root = tempfile::tempdir().unwrap();
    let storage = StorageKind::Bind(root.path().display().to_string());
    let bench = Bench::worker(ServerSpec { storage, ..plain_spec() }).await;
    conformance::volume_store::run_all(bench.server.volumes(), bench.fleet).await;
    assert_eq!(root.path().read_dir().unwrap().count(), 0, "a directory is left");
}

/// A running workspace, and what opens channels into it.
async fn workspace(bench: &Bench) -> String {
    let volume = bench.volume();
    bench.server.volumes().create_volume(&volume).await.unwrap();
    let mut spec = bench.container("sleep 1000");
    spec.mounts = vec![Mount { volume: volume.name, target: "/workspace".to_owned(), read_only: false }];
    spec.memory_mib = 256;
    spec.pids = 512;
    spec.cpu_millis = 0;
    bench.run(&spec).await;
    spec.name
}

#[tokio::test]
async fn channel_through_the_worker() {
    for spec in [plain_spec(), tls_spec()] {
        let bench = Bench::worker(spec).await;
        let name = workspace(&bench).await;
        let open = async || -> Arc<dyn Channel> { bench.server.open_channel(&name).await.unwrap() };
        conformance::channel::run_all(open).await;
        bench.clean().await;
    }
}

#[tokio::test]
async fn channel_without_the_worker() {
    let bench = Bench::plain(tls_spec()).await;
    let name = workspace(&bench).await;
    let open = async || -> Arc<dyn Channel> { bench.server.open_channel(&name).await.unwrap() };
    conformance::channel::run_exec(open).await;
    bench.clean().await;
}

/// The runner of jobs, as a master of its own has it.
async fn runner(server: &ServerRecord, fleet: FleetId) -> Arc<dyn AgentRunner> {
    let pool = Arc::new(DockerPool::builder().worker_image(worker_image()).build());
    pool.connect(server, fleet).await.unwrap();
    Arc::new(ServerJobs::new(pool, fleet))
}

#[tokio::test]
async fn agent_runner() {
    for spec in [plain_spec(), tls_spec()] {
        let bench = Bench::worker(spec.clone()).await;
        let volume = bench.volume();
        bench.server.volumes().create_volume(&volume).await.unwrap();
        let server = record(ServerSpec { network_cidr: Some(NETWORKS.to_owned()), ..spec });
        let subject = conformance::agent_runner::Subject {
            runner: runner(&server, bench.fleet).await,
            later: runner(&server, bench.fleet).await,
            server: server.id,
            volume: volume.name,
            image: ImageRef::new("workspace-base"),
        };
        conformance::agent_runner::run_all(&subject).await;
        assert_eq!(bench.server.list_containers(bench.fleet).await.unwrap(), [], "the rules leave nothing behind");
        bench.clean().await;
    }
}

/// A job of the conformance rules' kind: a line of shell beside a cache.
fn beside(cache: &VolumeSpec, server: ServerId, line: &str) -> JobSpec {
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    let step = JobStep::Agent(AgentStep { argv, env: BTreeMap::new(), prompt: String::new() });
    JobSpec {
        id: JobId::from_uuid(new_id()),
        server,
        image: Some(ImageRef::new("workspace-base")),
        mount: None,
        cache: Some(cache.clone()),
        resources: Resources::default(),
        request: Secret::new(serde_json::to_string(&JobRequest::new("/tmp", 60, vec![step])).unwrap()),
    }
}

#[tokio::test]
async fn what_a_job_keeps_is_there_for_the_next_and_what_is_not_ours_is_not_used() {
    let bench = Bench::worker(plain_spec()).await;
    let server = record(ServerSpec { network_cidr: Some(NETWORKS.to_owned()), ..plain_spec() });
    let jobs = runner(&server, bench.fleet).await;
    let said = async |cache: &VolumeSpec, line: &str| {
        let job = beside(cache, server.id, line);
        jobs.start(job.clone()).await.unwrap();
        let events: Vec<_> = jobs.events(server.id, job.id, 0).await.unwrap().try_collect().await.unwrap();
        jobs.remove(server.id, job.id).await.unwrap();
        events.iter().filter_map(|event| event.data["text"].as_str()).collect::<String>()
    };
    let labels = bench.labels(ObjectKind::Cache);
    let cache = VolumeSpec { name: format!("cache-{}-g1", labels.subject), labels };
    let line = format!("cd {CACHE} && cat kept; echo more >> kept");
    let first = said(&cache, &line).await;
    assert!(first.contains("No such file"), "it is new, and can be written to: {first}");
    assert_eq!(said(&cache, &line).await, "more\n");
    let found = bench.server.volumes().inspect_volume(&cache.name).await.unwrap().unwrap();
    assert_eq!(found.labels.as_ref(), Some(&cache.labels));

    let other = VolumeSpec { labels: ObjectLabels { subject: new_id(), ..cache.labels.clone() }, ..cache };
    assert_eq!(said(&other, &format!("ls -d {CACHE} || echo none")).await.lines().last(), Some("none"));
    bench.clean().await;
}
