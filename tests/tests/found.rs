//! A database that is older than the data on the real Docker servers, as after a backup was brought back.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use workspace_fleet::id::ProjectId;
use workspace_fleet::model::{SnapshotStatus, Status};
use workspace_fleet::orchestrator::{NewProject, RestoreRequest};
use workspace_fleet::port::{PageRequest, StateStore};
use workspace_fleet::secret::Secret;
use workspace_fleet::sql::{SecretKey, SqliteStore};
use workspace_fleet::{Caller, Config, ExecRequest, NewWorkspace, Orchestrator};
use workspace_tests::{docker_pool, eventually, objects, quick, real_part, register_all, servers, settled, sleeper};

/// Makes a tree with what a copy could lose: modes, links, and bytes that are no text.
const FILL: &str = "mkdir -p a/b; echo kept > a/b/notes; chmod 640 a/b/notes; ln -s b/notes a/link; \
                    head -c 300000 /dev/urandom > a/random; echo run > run; chmod 755 run";

/// Says all there is of that tree.
const TELL: &str = "find . | sort | while read f; do stat -c '%n %F %a' $f; done; \
                    sha256sum a/b/notes a/random run; readlink a/link";

fn storage() -> Secret {
    let text = std::fs::read_to_string(real_part("WORKSPACE_TEST_S3")).unwrap();
    let setting = |name: &str| {
        let lines = text.lines().filter_map(|line| line.split_once('='));
        lines.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).next().unwrap()
    };
    let settings = json!({ "s3": {
        "endpoint": setting("S3_ENDPOINT"), "bucket": setting("S3_BUCKET"), "region": "us-east-1",
        "access_key_id": setting("S3_ACCESS_KEY_ID"), "secret_access_key": setting("S3_SECRET_ACCESS_KEY"),
        "prefix": "found",
    }});
    Secret::new(settings.to_string())
}

/// A master, and the database that it is to be ended with.
struct Master {
    fleet: Orchestrator,
    store: Arc<SqliteStore>,
}

impl Master {
    async fn start(database: &Path, key: &SecretKey) -> Self {
        let store = Arc::new(SqliteStore::open(database, key.clone()).await.unwrap());
        let config = Config { storage: Some(storage()), ..quick() };
        let fleet = Orchestrator::builder(docker_pool())
            .shared_store(Arc::clone(&store) as Arc<dyn StateStore>)
            .config(config)
            .start()
            .await
            .unwrap();
        Self { fleet, store }
    }

    async fn end(self) {
        self.fleet.shutdown().await;
        drop(self.fleet);
        Arc::into_inner(self.store).unwrap().close().await;
    }

    /// What a line of shell says in a workspace with this project, which is there for that alone.
    async fn says(&self, caller: &Caller, project: ProjectId, line: &str) -> String {
        let new = NewWorkspace { project: Some(project), ..sleeper("looks") };
        let row = self.fleet.create_workspace(caller, new, None).await.unwrap();
        let row = settled(&self.fleet, &row, Status::Running).await;
        let output = self.fleet.exec(caller, row.id, ExecRequest::new(["sh", "-c", line])).await.unwrap();
        let row = self.fleet.delete_workspace(caller, row.id, None).await.unwrap();
        settled(&self.fleet, &row, Status::Deleted).await;
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn is_rescued(&self, project: ProjectId) -> bool {
        let found = self.fleet.snapshots(&Caller::admin(), Some(project), PageRequest::default()).await.unwrap();
        found.items.iter().any(|snapshot| snapshot.status == SnapshotStatus::Ready)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_an_older_database_does_not_know_is_kept_rescued_and_usable() {
    let folder = tempfile::tempdir().unwrap();
    let (database, backup) = (folder.path().join("fleet.db"), folder.path().join("backup.db"));
    let (key, me, admin) = (SecretKey::generate(), Caller::owner("ada"), Caller::admin());
    let master = Master::start(&database, &key).await;
    register_all(&master.fleet, |_| ()).await;
    master.end().await;
    std::fs::copy(&database, &backup).unwrap();

    let master = Master::start(&database, &key).await;
    let mut known = Vec::new();
    for server in servers() {
        let new = NewProject { name: format!("on-{}", server.name), ..NewProject::default() };
        let project = master.fleet.create_project(&me, new, None).await.unwrap().id;
        let tree = master.says(&me, project, &format!("{FILL}; {TELL}")).await;
        known.push((project, tree));
    }
    let volumes = objects(&master.fleet).await;
    assert_eq!(volumes.len(), 2, "{volumes:?}");
    master.end().await;
    std::fs::copy(&backup, &database).unwrap();

    let master = Master::start(&database, &key).await;
    for (project, tree) in known {
        let rescued = || master.is_rescued(project);
        eventually("the data is found and rescued", Duration::from_mins(1), rescued).await;
        let found = master.fleet.project(&admin, project).await.unwrap();
        assert_eq!(found.name, Some(format!("found-{project}")));
        assert_eq!(master.says(&admin, project, TELL).await, tree, "the volume as it was");
        let job = master.fleet.restore_project(&admin, project, RestoreRequest::default()).await.unwrap();
        let job = master.fleet.wait_job(&admin, job.id, Duration::from_mins(1)).await.unwrap();
        assert!(job.status.is_finished() && job.error.is_none(), "{job:?}");
        assert_eq!(master.says(&admin, project, TELL).await, tree, "and so is what was rescued");
        master.fleet.delete_project(&admin, project).await.unwrap();
    }
    let clean = || async { objects(&master.fleet).await.is_empty() };
    eventually("all of it goes when it is deleted", Duration::from_secs(30), clean).await;
    master.end().await;
}
