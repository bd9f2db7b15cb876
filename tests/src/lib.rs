//! What the integration tests share: the real parts, found by environment variables that `make test` sets.

#![expect(
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test without its real part must fail, with the reason"
)]

use std::time::{Duration, Instant};

use serde_json::Value;
use workspace_fleet::docker::{DockerPool, WorkerImage};
use workspace_fleet::model::{ServerState, Status, Workspace};
use workspace_fleet::secret::Secret;
use workspace_fleet::{Caller, Config, NewWorkspace, Orchestrator, Registration, ServerSpec, TlsMaterial};

/// The value of a variable that `make test` sets.
pub fn real_part(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`, or start the real parts first"))
}

/// The real Docker servers: the first speaks plain HTTP, the second mutual TLS.
pub fn servers() -> Vec<ServerSpec> {
    let list: Vec<Value> = serde_json::from_str(&real_part("WORKSPACE_TEST_SERVERS")).unwrap_or_default();
    assert!(list.len() >= 2, "WORKSPACE_TEST_SERVERS names {} servers, two are needed", list.len());
    list.iter().map(server).collect()
}

fn server(value: &Value) -> ServerSpec {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let mut spec = ServerSpec::new(text(value, "name"), text(value, "endpoint"));
    spec.allow_insecure = value["allow_insecure"].as_bool().unwrap_or_default();
    spec.labels = serde_json::from_value(value["labels"].clone()).unwrap_or_default();
    let tls = &value["tls"];
    if tls.is_object() {
        spec.tls =
            Some(TlsMaterial { ca: text(tls, "ca"), cert: text(tls, "cert"), key: Secret::new(text(tls, "key")) });
    }
    spec
}

/// A pool of Docker servers with the real worker image.
pub fn docker_pool() -> DockerPool {
    let image = WorkerImage::read(real_part("WORKSPACE_TEST_WORKER_IMAGE"));
    DockerPool::builder().worker_image(image.unwrap_or_else(|error| panic!("{}", error.chain()))).build()
}

/// Settings under which a test sees quickly what happens now and then. Servers are looked at when they are registered
/// and not again, so that one which is slow for a moment beside all the other tests is no reason to fail; several
/// masters, that learn of each other's servers by looking, set `probe_interval`.
pub fn quick() -> Config {
    Config {
        probe_interval: Duration::from_hours(1),
        reconcile_interval: Duration::from_secs(1),
        orphan_grace: Duration::from_secs(3),
        stop_grace: Duration::from_secs(1),
        poll_interval: Duration::from_millis(200),
        ..Config::default()
    }
}

/// Registers every real server.
pub async fn register_all(fleet: &Orchestrator, edit: impl Fn(&mut ServerSpec)) -> Vec<ServerState> {
    let mut states = Vec::new();
    for mut spec in servers() {
        edit(&mut spec);
        let mut tries = 0..3;
        states.push(loop {
            match fleet.register_server(&Caller::admin(), spec.clone(), Registration::MustAnswer, None).await {
                Ok(state) => break state,
                // A server that others keep busy may not answer in time.
                Err(error) if error.is_retryable() && tries.next().is_some() => {}
                Err(error) => panic!("{}", error.chain()),
            }
        });
    }
    states
}

/// A small workspace that goes on.
pub fn sleeper(name: &str) -> NewWorkspace {
    let mut new = NewWorkspace::new(name, "workspace-base");
    new.spec.command = vec!["sleep".to_owned(), "infinity".to_owned()];
    new.spec.resources.cpu_millis = 100;
    new.spec.resources.memory_mib = 32;
    new.spec.resources.disk_gib = 1;
    new
}

/// Waits until a workspace is at rest, and demands its status.
pub async fn settled(fleet: &Orchestrator, row: &Workspace, status: Status) -> Workspace {
    let row = fleet.wait(&Caller::admin(), row.id, Duration::from_mins(1)).await;
    let row = row.unwrap_or_else(|error| panic!("{}", error.chain()));
    assert_eq!(row.observed.status, status, "{:?} {:?}", row.observed.error, row.observed.waiting);
    row
}

/// What of a fleet is on its servers: names of containers, networks and volumes, but not the worker's.
pub async fn objects(fleet: &Orchestrator) -> Vec<String> {
    let id = fleet.fleet(&Caller::admin()).await.unwrap_or_else(|error| panic!("{}", error.chain())).fleet;
    let mut found = Vec::new();
    for server in servers() {
        found.extend(docker_objects(&server, &id.to_string()));
    }
    found
}

/// Asks the Engine itself, with its own client, so that no code of ours says what is there.
fn docker_objects(server: &ServerSpec, fleet: &str) -> Vec<String> {
    let filter = format!("label=fleet.id={fleet}");
    let lists: [&[&str]; 3] = [
        &["ps", "-a", "--filter", &filter, "--format", "{{.Names}}"],
        &["network", "ls", "--filter", &filter, "--format", "{{.Name}}"],
        &["volume", "ls", "--filter", &filter, "--format", "{{.Name}}"],
    ];
    lists
        .into_iter()
        .flat_map(|arguments| docker(server, arguments).lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|name| !name.starts_with("fleet-worker-"))
        .collect()
}

/// What the `docker` client says.
pub fn docker(server: &ServerSpec, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new("docker");
    command.env("DOCKER_HOST", server.endpoint.replace("http://", "tcp://").replace("https://", "tcp://"));
    if server.tls.is_some() {
        command.env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", real_part("WORKSPACE_TEST_CERTS"));
    } else {
        command.env_remove("DOCKER_TLS_VERIFY");
    }
    let output = command.args(arguments).output().unwrap_or_else(|error| panic!("docker does not run: {error}"));
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until a condition holds, at most a minute.
pub async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
