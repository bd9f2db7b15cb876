//! A fleet of one simulated server, and what the tests ask of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::script::{Script, Scripted};
use crate::id::{JobId, ProjectId, ServerId, WorkspaceId};
use crate::model::{Job, Project, ServerSpec, Status, Workspace};
use crate::orchestrator::test_fleet::{Held, watched_store};
use crate::orchestrator::{
    Caller, Config, NewProject, NewSnapshot, NewWorkspace, Orchestrator, Registration, RestoreRequest,
};
use crate::port::VolumeSummary;
use crate::resources::Resources;
use crate::secret::Secret;
use crate::testing::sim::{FaultPlan, SimPool, World};

/// Longer than anything here takes.
pub(super) const SOON: Duration = Duration::from_hours(4);

const TOTALS: Resources = Resources { cpu_millis: 4_000, memory_mib: 4_096, disk_gib: 10, slots: 10, gpus: 0 };

async fn registered(fleet: &Orchestrator, name: &str) -> ServerId {
    let spec = ServerSpec::new(name, format!("sim://{name}"));
    fleet.register_server(&Caller::admin(), spec, Registration::MustAnswer, None).await.unwrap().record.id
}

pub(super) struct Rig {
    pub(super) world: Arc<World>,
    pub(super) fleet: Orchestrator,
    pub(super) script: Arc<Script>,
    pub(super) server: ServerId,
    pub(super) me: Caller,
    _held: Held,
}

impl Rig {
    pub(super) async fn new() -> Self {
        let world = World::new(1, FaultPlan::none());
        for name in ["one", "two"] {
            world.add_server(name, TOTALS, &["base"], &[]);
        }
        let script = Arc::new(Script::default());
        let config = Config { storage: Some(Secret::new("{}")), ..Config::default() };
        let (store, held) = watched_store(&world);
        let fleet = Orchestrator::builder(SimPool::new(&world))
            .shared_store(store)
            .environment(world.environment())
            .jobs(Arc::new(Scripted(Arc::clone(&script))))
            .config(config)
            .start()
            .await
            .unwrap();
        let server = registered(&fleet, "one").await;
        Self { world, fleet, script, server, me: Caller::owner("me"), _held: held }
    }

    /// Another server for the fleet.
    pub(super) async fn second_server(&self) -> ServerId {
        registered(&self.fleet, "two").await
    }

    pub(super) async fn project(&self, name: &str) -> Project {
        let new = NewProject { name: name.to_owned(), ..NewProject::default() };
        self.fleet.create_project(&self.me, new, None).await.unwrap()
    }

    /// A workspace that runs on this project.
    pub(super) async fn running(&self, name: &str, project: ProjectId) -> Workspace {
        let new = NewWorkspace { project: Some(project), ..NewWorkspace::new(name, "base") };
        let row = self.fleet.create_workspace(&self.me, new, None).await.unwrap();
        self.settled(row.id, Status::Running).await
    }

    pub(super) async fn stopped(&self, id: WorkspaceId) -> Workspace {
        self.fleet.stop_workspace(&self.me, id).await.unwrap();
        self.settled(id, Status::Stopped).await
    }

    pub(super) async fn settled(&self, id: WorkspaceId, status: Status) -> Workspace {
        let row = self.fleet.wait(&self.me, id, SOON).await.unwrap();
        assert_eq!(row.observed.status, status, "{:?}", row.observed);
        row
    }

    /// A snapshot that is ready.
    pub(super) async fn snapshot(&self, project: ProjectId) -> crate::model::Snapshot {
        let row = self.fleet.take_snapshot(&self.me, project, NewSnapshot::default()).await.unwrap();
        self.script.started(row.job).await;
        self.script.does(row.job, &[("snapshot", Ok(json!({ "files": 3, "bytes": 30 })))]);
        self.fleet.wait_snapshot(&self.me, row.id, SOON).await.unwrap()
    }

    /// A restore of the newest snapshot that is under way.
    pub(super) async fn restoring(&self, project: ProjectId) -> Job {
        let job = self.fleet.restore_project(&self.me, project, RestoreRequest::default()).await.unwrap();
        self.script.started(job.id).await;
        job
    }

    pub(super) async fn ended(&self, job: JobId) -> Job {
        let job = self.fleet.wait_job(&self.me, job, SOON).await.unwrap();
        assert!(job.status.is_finished(), "{job:?}");
        job
    }

    pub(super) async fn volumes(&self) -> Vec<String> {
        let server = self.fleet.core.pool.get(self.server).unwrap();
        let volumes = server.volumes().list_volumes(self.fleet.core.fleet).await.unwrap();
        volumes.into_iter().map(|VolumeSummary { name, .. }| name).collect()
    }
}
