//! Jobs, served in this process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use workspace_core::environment::Environment;
use workspace_core::error::ErrorKind;
use workspace_core::id::{FleetId, JobId, ProjectId, SnapshotId};
use workspace_core::job::{GitRemote, JobRequest, JobStep, ServerJobs, SnapshotPlace};
use workspace_core::model::StepReport;
use workspace_core::port::{
    AgentRunner, ImageRef, JobEvent, JobSpec, JobState, Mount, ObjectKind, ObjectLabels, Server, ServerPool, VolumeSpec,
};
use workspace_core::resources::Resources;
use workspace_core::secret::Secret;
use workspace_core::testing::conformance;
use workspace_local::{DataSteps, JobFolders, LocalPool};

use crate::common::{connect, fleet};

/// Says what it finds in the tree, and writes there; `pull` never ends, `push` breaks.
#[derive(Debug)]
struct Odd;

#[async_trait]
impl DataSteps for Odd {
    async fn run(&self, step: &JobStep, folders: &JobFolders, cancel: CancellationToken) -> Vec<StepReport> {
        let tree = &folders.tree;
        let report = |step: &str| StepReport {
            step: step.to_owned(),
            report: json!({ "entries": std::fs::read_dir(tree).unwrap().count() }),
            error: None,
        };
        match step {
            JobStep::Clone(_) => {
                let found = report("clone");
                std::fs::write(tree.join("cloned"), "x").unwrap();
                vec![found]
            }
            JobStep::Verify { .. } => {
                let kept = folders.cache.as_ref().unwrap().join("kept");
                let before = std::fs::read_to_string(&kept).unwrap_or_default();
                std::fs::write(&kept, format!("{before}x")).unwrap();
                vec![StepReport { step: "verify".to_owned(), report: json!({ "before": before }), error: None }]
            }
            JobStep::Pull(_) => {
                cancel.cancelled().await;
                // Deaf: its future has to be dropped.
                std::future::pending().await
            }
            _ => panic!("breaks on purpose"),
        }
    }
}

struct Rig {
    pool: Arc<dyn ServerPool>,
    server: Arc<dyn Server>,
    fleet: FleetId,
}

async fn rig() -> Rig {
    let pool = LocalPool::temporary().unwrap().with_jobs(Arc::new(Odd));
    let fleet = fleet();
    let server = connect(&pool, fleet).await;
    let labels = labels(fleet, ObjectKind::Project);
    server.volumes().create_volume(&VolumeSpec { name: "vol-1".to_owned(), labels }).await.unwrap();
    Rig { pool: Arc::new(pool), server, fleet }
}

fn labels(fleet: FleetId, kind: ObjectKind) -> ObjectLabels {
    ObjectLabels { fleet, kind, subject: fleet.as_uuid(), generation: 1, spec_hash: String::new() }
}

impl Rig {
    fn jobs(&self) -> ServerJobs {
        ServerJobs::new(Arc::clone(&self.pool), self.fleet)
    }

    fn job(&self, seconds: u64, steps: Vec<JobStep>) -> JobSpec {
        JobSpec {
            id: JobId::from_uuid(Environment::system().uuid()),
            server: self.server.id(),
            image: None,
            mount: Some(Mount { volume: "vol-1".to_owned(), target: "/workspace".to_owned(), read_only: false }),
            resources: Resources::default(),
            cache: None,
            request: Secret::new(serde_json::to_string(&JobRequest::new("/workspace", seconds, steps)).unwrap()),
        }
    }

    async fn events(&self, job: &JobSpec) -> Vec<JobEvent> {
        let events = self.jobs().events(job.server, job.id, 0).await.unwrap();
        tokio::time::timeout(Duration::from_mins(1), events.map(Result::unwrap).collect()).await.unwrap()
    }
}

fn remote() -> GitRemote {
    GitRemote {
        url: "https://example.com/r".to_owned(),
        branch: None,
        submodules: false,
        access: None,
        policy: json!(null),
    }
}

fn codes(events: &[JobEvent]) -> Vec<Option<&str>> {
    events.iter().filter(|event| event.kind == "step").map(|event| event.data["error"]["code"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agent_runner() {
    let rig = rig().await;
    let subject = conformance::agent_runner::Subject {
        runner: Arc::new(rig.jobs()),
        later: Arc::new(rig.jobs()),
        server: rig.server.id(),
        volume: "vol-1".to_owned(),
        image: ImageRef::new("workspace-base"),
    };
    conformance::agent_runner::run_all(&subject).await;
    assert_eq!(rig.server.list_containers(rig.fleet).await.unwrap(), [], "the rules leave nothing behind");
}

#[tokio::test]
async fn a_clone_finds_an_empty_tree_and_a_step_that_breaks_ends_no_other() {
    let rig = rig().await;
    let (author, branch) = (serde_json::from_value(json!({"name": "a", "email": "b"})).unwrap(), None);
    let push = JobStep::Push { remote: Some(remote()), branch, message: String::new(), author };
    let job = rig.job(60, vec![JobStep::Clone(remote()), push, JobStep::Clone(remote())]);
    rig.jobs().start(job.clone()).await.unwrap();
    let events = rig.events(&job).await;
    assert_eq!(codes(&events), [None, Some("internal"), Some("internal"), None], "{events:?}");
    let found: Vec<_> = events.iter().filter_map(|event| event.data["report"]["entries"].as_u64()).collect();
    assert_eq!(found, [0, 0], "the second clone finds nothing of the first");
    let log = serde_json::to_string(&events).unwrap();
    assert!(!log.contains("on purpose"), "{log}");
}

#[tokio::test]
async fn what_a_job_keeps_is_there_for_the_next() {
    let rig = rig().await;
    let cache = VolumeSpec { name: "cache-1".to_owned(), labels: labels(rig.fleet, ObjectKind::Cache) };
    for before in ["", "x"] {
        let nobody = rig.fleet.as_uuid();
        let (project, id) = (ProjectId::from_uuid(nobody), SnapshotId::from_uuid(nobody));
        let place = SnapshotPlace { project, data_generation: 1, id };
        let job = rig.job(60, vec![JobStep::Verify { storage: Secret::new("{}"), place }]);
        rig.jobs().start(JobSpec { cache: Some(cache.clone()), ..job.clone() }).await.unwrap();
        let events = rig.events(&job).await;
        assert_eq!(events[1].data["report"]["before"], before, "{events:?}");
        rig.jobs().remove(job.server, job.id).await.unwrap();
    }
    let removed = rig.server.volumes().remove_volume("cache-1", rig.fleet).await;
    assert!(removed.is_ok(), "{removed:?}");
}

#[tokio::test]
async fn a_deaf_step_is_dropped() {
    let rig = rig().await;
    let job = rig.job(1, vec![JobStep::Pull(remote()), JobStep::Pull(remote())]);
    rig.jobs().start(job.clone()).await.unwrap();
    assert_eq!(codes(&rig.events(&job).await), [Some("time_limit"); 2]);
    let job = rig.job(600, vec![JobStep::Pull(remote())]);
    rig.jobs().start(job.clone()).await.unwrap();
    rig.jobs().cancel(job.server, job.id).await.unwrap();
    assert_eq!(codes(&rig.events(&job).await), [Some("cancelled")]);
    assert!(matches!(rig.jobs().state(job.server, job.id).await.unwrap(), JobState::Ended { .. }));
}

#[tokio::test]
async fn what_is_no_request_is_refused_without_its_text() {
    let rig = rig().await;
    let mut job = rig.job(1, Vec::new());
    job.request = Secret::new("{\"canary\":1}");
    rig.jobs().start(job.clone()).await.unwrap();
    assert_eq!(rig.events(&job).await, []);
    let state = rig.jobs().state(job.server, job.id).await.unwrap();
    assert_eq!(state, JobState::Ended { exit_code: Some(2), out_of_memory: false });
}

#[tokio::test]
async fn without_steps_there_is_no_worker() {
    let pool = LocalPool::temporary().unwrap();
    let fleet = fleet();
    let server = connect(&pool, fleet).await;
    assert_eq!(server.worker_image(), None);
    assert!(!server.has_image(&ImageRef::new("fleet-worker")).await.unwrap());
    let rig = Rig { pool: Arc::new(pool), server, fleet };
    let refused = rig.jobs().start(rig.job(1, Vec::new())).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::WorkerImageMissing);
}
