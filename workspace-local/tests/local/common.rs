//! What the tests have in common.

use std::sync::Arc;

use workspace_core::environment::Environment;
use workspace_core::id::{FleetId, ServerId};
use workspace_core::model::{ServerRecord, ServerSpec};
use workspace_core::port::{ContainerSpec, ImageRef, ObjectKind, ObjectLabels, Server, ServerPool};
use workspace_core::resources::Resources;
use workspace_local::LocalPool;

pub(crate) fn record(spec: ServerSpec) -> ServerRecord {
    let env = Environment::system();
    ServerRecord::new(ServerId::from_uuid(env.uuid()), spec, Resources::default(), env.now())
}

pub(crate) fn fleet() -> FleetId {
    FleetId::from_uuid(Environment::system().uuid())
}

pub(crate) async fn connect(pool: &LocalPool, fleet: FleetId) -> Arc<dyn Server> {
    pool.connect(&record(pool.spec("local-1")), fleet).await.unwrap()
}

pub(crate) fn container(fleet: FleetId, name: &str, command: &[&str]) -> ContainerSpec {
    let subject = Environment::system().uuid();
    let labels = ObjectLabels { fleet, kind: ObjectKind::Workspace, subject, generation: 1, spec_hash: String::new() };
    ContainerSpec {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        ports: vec![8_000],
        ..ContainerSpec::new(name, ImageRef::new("workspace-base"), labels)
    }
}
