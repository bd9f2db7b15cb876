//! Rows to write.

use workspace_core::environment::Environment;
use workspace_core::id::{OwnerId, ProjectId, ServerId};
use workspace_core::model::{
    GitSource, Project, ProjectSource, ReservationPart, Scheduling, ServerRecord, ServerSpec, TlsMaterial,
};
use workspace_core::port::{Change, Outcome, Refused, StateStore, Write};
use workspace_core::resources::Resources;
use workspace_core::secret::Secret;

pub(crate) async fn try_commit(store: &dyn StateStore, write: Write) -> Result<Outcome, Refused> {
    store.commit(&[Change::default().with(write)]).await.unwrap().remove(0)
}

pub(crate) async fn commit(store: &dyn StateStore, write: Write) {
    try_commit(store, write).await.unwrap();
}

pub(crate) fn totals() -> Resources {
    Resources { cpu_millis: 100, memory_mib: 200, disk_gib: 300, slots: 4, gpus: 5 }
}

/// A server that needs a secret, with room for [`totals`].
pub(crate) fn server_with_key(key: &str) -> ServerRecord {
    let env = Environment::system();
    let mut spec = ServerSpec::new(format!("s-{}", env.uuid()), "https://127.0.0.1:2376");
    spec.tls = Some(TlsMaterial { ca: "ca".to_owned(), cert: "cert".to_owned(), key: Secret::new(key) });
    ServerRecord {
        id: ServerId::from_uuid(env.uuid()),
        spec,
        totals: totals(),
        scheduling: Scheduling::Active,
        revision: 1,
        created_at: env.now(),
    }
}

pub(crate) fn project_with_token(token: &str) -> Project {
    let env = Environment::system();
    let url = "https://example.org/secret.git".to_owned();
    let source = GitSource { url, branch: None, token: Some(Secret::new(token)) };
    Project {
        id: ProjectId::from_uuid(env.uuid()),
        owner: OwnerId::new("anna"),
        name: None,
        source: Some(ProjectSource::Git(source)),
        copy: None,
        revision: 1,
        created_at: env.now(),
    }
}

/// A claim of that many places by a new holder.
pub(crate) fn claim(server: ServerId, slots: u64) -> Write {
    Write::Reserve {
        server,
        holder: Environment::system().uuid(),
        part: ReservationPart::Compute,
        resources: Resources { slots, ..Resources::default() },
        even_if_cordoned: false,
    }
}
