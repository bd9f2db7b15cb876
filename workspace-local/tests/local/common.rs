//! What the tests have in common.

use std::sync::Arc;

use workspace_core::environment::Environment;
use workspace_core::id::{FleetId, ServerId};
use workspace_core::model::{Scheduling, ServerRecord, ServerSpec};
use workspace_core::port::{ContainerSpec, ImageRef, ObjectKind, ObjectLabels, Profile, Server, ServerPool};
use workspace_core::resources::Resources;
use workspace_local::LocalPool;

pub(crate) fn record(spec: ServerSpec) -> ServerRecord {
    let env = Environment::system();
    ServerRecord {
        id: ServerId::from_uuid(env.uuid()),
        spec,
        totals: Resources::default(),
        scheduling: Scheduling::Active,
        revision: 1,
        created_at: env.now(),
    }
}

pub(crate) fn fleet() -> FleetId {
    FleetId::from_uuid(Environment::system().uuid())
}

pub(crate) async fn connect(pool: &LocalPool, fleet: FleetId) -> Arc<dyn Server> {
    pool.connect(&record(pool.spec("local-1")), fleet).await.unwrap()
}

pub(crate) fn container(fleet: FleetId, name: &str, command: &[&str]) -> ContainerSpec {
    let subject = Environment::system().uuid();
    ContainerSpec {
        name: name.to_owned(),
        image: ImageRef::new("workspace-base"),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        env: [].into(),
        working_dir: None,
        profile: Profile::Strict,
        cpu_millis: 0,
        memory_mib: 0,
        gpus: 0,
        pids: 512,
        mounts: Vec::new(),
        network: None,
        ports: vec![8_000],
        open_stdin: false,
        labels: ObjectLabels { fleet, kind: ObjectKind::Workspace, subject, generation: 1, spec_hash: String::new() },
    }
}
