//! What no row knows on the real Docker servers: data that is newer than the database, and what a cut left.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use workspace_fleet::environment::Environment;
use workspace_fleet::error::ErrorKind;
use workspace_fleet::id::{FleetId, ProjectId};
use workspace_fleet::model::{SnapshotStatus, Status};
use workspace_fleet::orchestrator::{NewProject, OrphanFate, RestoreRequest};
use workspace_fleet::port::{ObjectKind, ObjectLabels, PageRequest, StateStore};
use workspace_fleet::secret::Secret;
use workspace_fleet::sql::{SecretKey, SqliteStore};
use workspace_fleet::{Caller, Config, ExecRequest, NewWorkspace, Orchestrator, ServerSpec};
use workspace_tests::{
    docker, docker_pool, eventually, objects, quick, real_part, register_all, servers, settled, sleeper,
};

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
        eventually("the data is found and rescued", rescued).await;
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
    eventually("all of it goes when it is deleted", clean).await;
    master.end().await;
}

/// Makes, with the Engine's own client, things that carry our labels and belong to nobody, each with what is to become
/// of it.
fn plant(server: &ServerSpec, fleet: FleetId, project: ProjectId) -> impl Iterator<Item = (String, OrphanFate)> {
    let labelled = |command: &[&str], kind, subject, generation, rest: &[&str]| {
        let labels = ObjectLabels { fleet, kind, subject, generation, spec_hash: String::new() };
        let labels: Vec<String> =
            labels.to_map().iter().map(|(name, value)| format!("--label={name}={value}")).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        docker(server, &[command, &labels, rest].concat());
    };
    let volume = |kind, name: &str, subject, generation, line: &str| {
        labelled(&["volume", "create"], kind, subject, generation, &[name]);
        let mount = format!("{name}:/data");
        docker(server, &["run", "--rm", "--network", "none", "-v", &mount, "workspace-base", "sh", "-c", line]);
    };
    let (nobody, other) = (Environment::system().uuid(), Environment::system().uuid());
    let id = project.as_uuid();
    // Copies 7 and 8 were given up and made late.
    let volumes = [
        (ObjectKind::Project, format!("vol-{nobody}-g1"), nobody, 1, "true", OrphanFate::Removed),
        (ObjectKind::Cache, format!("cache-{nobody}-g1"), nobody, 1, "echo > /data/x", OrphanFate::Removed),
        (ObjectKind::Project, format!("vol-{id}-g7"), id, 7, "true", OrphanFate::Removed),
        (ObjectKind::Project, format!("vol-{id}-g8"), id, 8, ": > /data/x", OrphanFate::Kept),
        (ObjectKind::Project, format!("vol-{other}-g1"), other, 1, "mkdir /data/x", OrphanFate::TakenIn),
    ];
    for (kind, name, subject, generation, line, _) in &volumes {
        volume(*kind, name, *subject, *generation, line);
    }
    // What looked into a volume when its master died.
    let helper = format!("is-empty-{nobody}");
    labelled(&["create", "--name", &helper], ObjectKind::Project, nobody, 1, &["workspace-base", "true"]);
    volumes.into_iter().map(|(_, name, .., fate)| (name, fate)).chain([(helper, OrphanFate::Removed)])
}

/// An operator's look, and the sweep after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_knows_goes_unless_there_is_data_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (key, me, admin) = (SecretKey::generate(), Caller::owner("ada"), Caller::admin());
    let master = Master::start(&folder.path().join("fleet.db"), &key).await;
    register_all(&master.fleet, |_| ()).await;
    let new = NewProject { name: "site".to_owned(), ..NewProject::default() };
    let project = master.fleet.create_project(&me, new, None).await.unwrap().id;
    master.says(&me, project, "echo kept > notes").await;
    let fleet = master.fleet.fleet(&admin).await.unwrap().fleet;
    let home = objects(&master.fleet).await;

    let mut expected = BTreeMap::new();
    for server in servers() {
        expected.extend(plant(&server, fleet, project).map(|(name, fate)| ((server.name.clone(), name), fate)));
    }
    // Whether the pass that goes on has seen to some of it or not: nothing else is an orphan, and each has its fate.
    let look = master.fleet.reconcile(&admin, true).await.unwrap();
    assert!(look.unanswered.is_empty() && !look.orphans.is_empty(), "{look:?}");
    // Some volume may be looked into at this moment.
    let looks = |name: &str| name.starts_with("is-empty-") && !expected.keys().any(|(_, known)| known == name);
    for orphan in look.orphans.iter().filter(|orphan| !looks(&orphan.object.name)) {
        let name = (orphan.object.server_name.clone(), orphan.object.name.clone());
        assert_eq!(expected.get(&name), Some(&orphan.fate), "{orphan:?}");
    }
    let kept = expected.into_iter().filter(|(_, fate)| *fate != OrphanFate::Removed);
    let mut left: Vec<String> = kept.map(|((_, name), _)| name).chain(home).collect();
    left.sort_unstable();
    let swept = || async {
        master.fleet.reconcile(&admin, false).await.unwrap();
        let mut now = objects(&master.fleet).await;
        now.retain(|name| !name.starts_with("cache-") || left.contains(name));
        now.sort_unstable();
        now == left
    };
    eventually("what nobody knows is gone, and data is not", swept).await;
    assert_eq!(master.says(&me, project, "cat notes").await, "kept\n");
    let found = master.fleet.projects(&admin, None, PageRequest::default()).await.unwrap().items;
    assert_eq!(found.iter().filter(|one| one.name.as_ref().is_some_and(|name| name.starts_with("found-"))).count(), 2);
    // Without its project the data that was kept is found in its turn, on one server after the other.
    let clean = || async {
        for one in master.fleet.projects(&admin, None, PageRequest::default()).await.unwrap().items {
            // A snapshot of what was found may be under way.
            if let Err(error) = master.fleet.delete_project(&admin, one.id).await {
                assert_eq!(error.kind(), ErrorKind::ProjectBusy, "{}", error.chain());
            }
        }
        objects(&master.fleet).await.is_empty()
    };
    eventually("all of it goes when it is deleted", clean).await;
    master.end().await;
}
