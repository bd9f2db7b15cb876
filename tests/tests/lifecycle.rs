//! One workspace from its making to its end, on real Docker servers over plain HTTP and mutual TLS.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use futures::StreamExt;
use workspace_fleet::docker::DockerPool;
use workspace_fleet::environment::Environment;
use workspace_fleet::id::WorkspaceId;
use workspace_fleet::model::{Intent, ServerSpec, Status, Workspace};
use workspace_fleet::port::{ExecEnd, LogOptions, NetworkSpec, ObjectKind, ObjectLabels, ServerPool, VolumeSpec};
use workspace_fleet::{Caller, ErrorKind, ExecRequest, Orchestrator};
use workspace_tests::{docker_pool, eventually, objects, quick, register_all, servers, settled, sleeper};

async fn fleet() -> Orchestrator {
    let fleet = Orchestrator::builder(docker_pool()).config(quick()).start().await.unwrap();
    register_all(&fleet, |_| ()).await;
    fleet
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_lives_on_each_server() {
    let (fleet, me) = (fleet().await, Caller::owner("ada"));
    for spec in servers() {
        let mut new = sleeper(&format!("on-{}", spec.name));
        new.spec.placement.server = Some(spec.name.clone());
        let row = fleet.create_workspace(&me, new, None).await.unwrap();
        let row = settled(&fleet, &row, Status::Running).await;

        let output =
            fleet.exec(&me, row.id, ExecRequest::new(["sh", "-c", "echo hi; echo no >&2; exit 7"])).await.unwrap();
        assert_eq!(
            (output.end, output.stdout.as_slice(), output.stderr.as_slice()),
            (ExecEnd::Exited(7), b"hi\n".as_slice(), b"no\n".as_slice())
        );
        fleet.write_file(&me, row.id, "notes/today", "remember".into()).await.unwrap();

        let row = fleet.stop_workspace(&me, row.id).await.unwrap();
        let row = settled(&fleet, &row, Status::Stopped).await;
        let stopped = fleet.exec(&me, row.id, ExecRequest::new(["true"])).await.unwrap_err();
        assert_eq!(stopped.kind(), ErrorKind::NotRunning);

        let row = fleet.start_workspace(&me, row.id).await.unwrap();
        let row = settled(&fleet, &row, Status::Running).await;
        assert_eq!(row.observed.generation, 2);
        assert_eq!(fleet.read_file(&me, row.id, "notes/today").await.unwrap().bytes, "remember");
        let row = fleet.restart_workspace(&me, row.id).await.unwrap();
        let row = settled(&fleet, &row, Status::Running).await;
        assert_eq!(row.observed.generation, 3);
        assert_eq!(fleet.read_file(&me, row.id, "notes/today").await.unwrap().bytes, "remember");

        let row = fleet.delete_workspace(&me, row.id, None).await.unwrap();
        settled(&fleet, &row, Status::Deleted).await;
        assert_eq!(fleet.workspace(&me, row.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(objects(&fleet).await, Vec::<String>::new());
    let reserved = fleet.fleet(&Caller::admin()).await.unwrap().reserved;
    assert!(reserved.is_zero(), "{reserved:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_cannot_succeed_says_why_and_gives_back() {
    let (fleet, me) = (fleet().await, Caller::owner("ada"));
    let mut new = sleeper("no-image");
    new.spec.image = "workspace-base:no-such-tag".to_owned();
    let row = fleet.create_workspace(&me, new, None).await.unwrap();
    let row = settled(&fleet, &row, Status::Error).await;
    let problem = row.observed.error.clone().unwrap();
    assert_eq!(problem.code, "image_not_found", "{problem:?}");
    assert!(problem.hint.is_some());
    assert_eq!(row.desired.intent, Intent::Stopped);

    let mut new = sleeper("no-program");
    new.spec.command = vec!["/no/such/program".to_owned()];
    let other = fleet.create_workspace(&me, new, None).await.unwrap();
    let ended = || async { fleet.workspace(&me, other.id).await.unwrap().observed.status == Status::Error };
    eventually("the program is known to be missing", ended).await;
    let other = fleet.workspace(&me, other.id).await.unwrap();
    assert_eq!(other.observed.error.clone().unwrap().code, "program_not_found");

    let reserved = fleet.fleet(&Caller::admin()).await.unwrap().reserved;
    assert_eq!((reserved.cpu_millis, reserved.slots, reserved.disk_gib), (0, 0, 2), "only the disks are still held");
    for row in [row, other] {
        let row = fleet.delete_workspace(&me, row.id, None).await.unwrap();
        settled(&fleet, &row, Status::Deleted).await;
    }
    assert_eq!(objects(&fleet).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_ends_is_started_again_until_it_is_given_up() {
    let (fleet, me) = (fleet().await, Caller::owner("ada"));
    let mut new = sleeper("dies");
    new.spec.command = ["sh", "-c", "echo alive; sleep 1; exit 3"].map(str::to_owned).to_vec();
    new.spec.restart.max = 1;
    let row = fleet.create_workspace(&me, new, None).await.unwrap();
    let given_up = || async {
        let row = fleet.workspace(&me, row.id).await.unwrap();
        row.observed.status == Status::Error
    };
    eventually("the workspace is given up", given_up).await;
    let row = fleet.workspace(&me, row.id).await.unwrap();
    assert_eq!((row.observed.restarts, row.desired.generation), (1, 2));
    assert_eq!(row.observed.error.clone().unwrap().code, "exited");
    let mut log = fleet.logs(&me, row.id, LogOptions::default()).await.unwrap();
    assert_eq!(log.next().await.unwrap().unwrap().bytes, "alive\n");

    let row = fleet.delete_workspace(&me, row.id, None).await.unwrap();
    settled(&fleet, &row, Status::Deleted).await;
    assert_eq!(objects(&fleet).await, Vec::<String>::new());
}

/// A workspace that runs on the first server, and that server.
async fn running_on_the_first(fleet: &Orchestrator, me: &Caller) -> (Workspace, ServerSpec) {
    let mut new = sleeper("robbed");
    let spec = servers().remove(0);
    new.spec.placement.server = Some(spec.name.clone());
    let row = fleet.create_workspace(me, new, None).await.unwrap();
    (settled(fleet, &row, Status::Running).await, spec)
}

/// It was made anew, and can be deleted without a trace.
async fn comes_back(fleet: &Orchestrator, me: &Caller, id: WorkspaceId) {
    let back = || async {
        let row = fleet.workspace(me, id).await.unwrap();
        row.observed.status == Status::Running && row.observed.generation == 2
    };
    eventually("the workspace runs again", back).await;
    let row = fleet.delete_workspace(me, id, None).await.unwrap();
    settled(fleet, &row, Status::Deleted).await;
    assert_eq!(objects(fleet).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_was_removed_behind_our_back_comes_back() {
    let (fleet, me) = (fleet().await, Caller::owner("ada"));
    let (row, spec) = running_on_the_first(&fleet, &me).await;
    workspace_tests::docker(&spec, &["rm", "-f", &row.container_name(1)]);
    comes_back(&fleet, &me, row.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_with_the_name_of_a_container_is_not_used_and_stays() {
    let (fleet, me) = (fleet().await, Caller::owner("ada"));
    let (row, spec) = running_on_the_first(&fleet, &me).await;
    let name = row.container_name(1);
    workspace_tests::docker(&spec, &["rm", "-f", &name]);
    let program = "mkdir -p /workspace && touch /workspace/theirs && exec sleep 1000";
    workspace_tests::docker(&spec, &["run", "-d", "--name", &name, "workspace-base", "sh", "-c", program]);
    // Whichever of the two comes first: it is seen that the container is gone, or the file goes into the next one.
    if let Err(refused) = fleet.write_file(&me, row.id, "ours", "not for others".into()).await {
        assert_eq!(refused.kind(), ErrorKind::NotRunning, "{}", refused.chain());
    }
    comes_back(&fleet, &me, row.id).await;
    let theirs = workspace_tests::docker(&spec, &["exec", &name, "ls", "/workspace"]);
    workspace_tests::docker(&spec, &["rm", "-f", &name]);
    assert_eq!(theirs.trim(), "theirs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_leaves_keeps_only_data() {
    // Nothing but the removal tidies within the time of this test.
    let fleet = Orchestrator::builder(docker_pool()).start().await.unwrap();
    let admin = Caller::admin();
    let id = fleet.fleet(&admin).await.unwrap().fleet;
    for state in register_all(&fleet, |_| ()).await {
        // Where no other test takes its networks.
        let mut record = state.record.clone();
        record.spec.network_cidr = Some("10.202.0.0/16".to_owned());
        let server = DockerPool::new().connect(&record, id).await.unwrap();
        let labels = |kind| ObjectLabels {
            fleet: id,
            kind,
            subject: Environment::system().uuid(),
            generation: 1,
            spec_hash: String::new(),
        };
        let network = labels(ObjectKind::Job);
        let network = NetworkSpec { name: format!("net-jobs-{id}"), slot: 0, labels: network };
        server.create_network(&network).await.unwrap();
        let named = |name: &str, kind| VolumeSpec { name: format!("{name}-{id}"), labels: labels(kind) };
        server.volumes().create_volume(&named("old-worker", ObjectKind::Worker)).await.unwrap();
        let data = named("data", ObjectKind::Project);
        server.volumes().create_volume(&data).await.unwrap();
        let found = fleet.consistency_check(&admin).await.unwrap();
        let strays: Vec<_> = found.strays.iter().map(|object| (object.kind.name(), object.name.as_str())).collect();
        assert_eq!(strays, [("volume", data.name.as_str())], "data that no row accounts for is shown");

        let error = fleet.remove_server(&admin, state.record.id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ServerInUse, "it takes new work");
        fleet.cordon_server(&admin, state.record.id).await.unwrap();
        fleet.remove_server(&admin, state.record.id).await.unwrap();
        assert_eq!(objects(&fleet).await, [data.name.as_str()]);
        server.volumes().remove_volume(&data.name, id).await.unwrap();
    }
    fleet.shutdown().await;
}
