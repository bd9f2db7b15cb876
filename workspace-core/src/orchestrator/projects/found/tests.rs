use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use crate::error::ErrorKind;
use crate::id::{MasterId, ProjectId, ServerId, WorkspaceId};
use crate::model::{Project, ReservationPart, Snapshot, SnapshotStatus};
use crate::orchestrator::test_fleet::{Held, register, watched_store};
use crate::orchestrator::{Caller, Config, NewProject, NewWorkspace, Orchestrator, RestoreRequest};
use crate::port::{Change, ObjectKind, PageRequest, StateStore, VolumeSpec, Write};
use crate::resources::Resources;
use crate::secret::Secret;
use crate::testing::sim::{FaultPlan, SimPool, World};

const TOTALS: Resources = Resources { cpu_millis: 4_000, memory_mib: 4_096, disk_gib: 10, slots: 10, gpus: 0 };

/// Until what no row knows was seen to.
const SEEN_TO: Duration = Duration::from_mins(4);

/// Two masters of one server.
struct Rig {
    world: Arc<World>,
    store: Arc<dyn StateStore>,
    fleet: Orchestrator,
    other: Orchestrator,
    server: ServerId,
    me: Caller,
    _held: Held,
}

impl Rig {
    async fn new(storage: Option<&str>) -> Self {
        let world = World::new(1, FaultPlan::none());
        world.set_faults(false);
        world.add_server("one", TOTALS, &["base", "worker"], &[]);
        let (store, held) = watched_store(&world);
        let master = async |name| {
            let storage = storage.map(Secret::new);
            Orchestrator::builder(SimPool::new(&world))
                .shared_store(Arc::clone(&store))
                .environment(world.environment())
                .config(Config { master: MasterId::new(name), storage, ..Config::default() })
                .start()
                .await
                .unwrap()
        };
        let (fleet, other) = (master("a").await, master("b").await);
        let [server] = register(&fleet, ["one"]).await;
        Self { world, store, fleet, other, server, me: Caller::owner("me"), _held: held }
    }

    async fn running(&self, caller: &Caller, project: ProjectId) -> WorkspaceId {
        let new = NewWorkspace { project: Some(project), ..NewWorkspace::new("hello", "base") };
        let id = self.fleet.create_workspace(caller, new, None).await.unwrap().id;
        assert!(self.fleet.wait(caller, id, SEEN_TO).await.unwrap().is_settled());
        id
    }

    async fn without_workspace(&self, caller: &Caller, id: WorkspaceId) {
        self.fleet.delete_workspace(caller, id, None).await.unwrap();
        self.fleet.wait(caller, id, SEEN_TO).await.unwrap();
    }

    /// A project with a file and no workspace.
    async fn project(&self) -> Project {
        let new = NewProject { name: "site".to_owned(), ..NewProject::default() };
        let id = self.fleet.create_project(&self.me, new, None).await.unwrap().id;
        let workspace = self.running(&self.me, id).await;
        self.fleet.write_file(&self.me, workspace, "notes", Bytes::from("kept")).await.unwrap();
        self.without_workspace(&self.me, workspace).await;
        self.fleet.project(&self.me, id).await.unwrap()
    }

    /// What a backup from before a project knows of it.
    async fn forget(&self, id: ProjectId) {
        let disk = Write::Release { holder: id.as_uuid(), part: ReservationPart::Storage };
        let change = Change::default().with(disk).with(Write::RemoveProject(id));
        self.store.commit(&[change]).await.unwrap().remove(0).unwrap();
    }

    async fn volume(&self, spec: &VolumeSpec) {
        self.fleet.core.pool.get(self.server).unwrap().volumes().create_volume(spec).await.unwrap();
    }

    async fn projects(&self) -> Vec<Project> {
        self.fleet.projects(&Caller::admin(), None, PageRequest::default()).await.unwrap().items
    }

    async fn snapshots(&self) -> Vec<Snapshot> {
        self.fleet.snapshots(&Caller::admin(), None, PageRequest::default()).await.unwrap().items
    }

    async fn file(&self, caller: &Caller, project: ProjectId) -> Bytes {
        let workspace = self.running(caller, project).await;
        let content = self.fleet.read_file(caller, workspace, "notes").await.unwrap();
        self.without_workspace(caller, workspace).await;
        content.bytes
    }

    async fn told(&self) -> usize {
        let events = self.store.events(self.server.as_uuid(), 0, 1_000).await.unwrap();
        events.iter().filter(|event| event.kind == "server.data_found").count()
    }
}

#[tokio::test(start_paused = true)]
async fn data_without_a_row_gets_a_project_and_a_snapshot_once() {
    let rig = Rig::new(Some("{}")).await;
    let (admin, lost) = (Caller::admin(), rig.project().await);
    rig.forget(lost.id).await;
    sleep(SEEN_TO).await;

    let found = rig.projects().await.remove(0);
    assert_eq!((found.id, &found.copy, found.owner.as_str()), (lost.id, &lost.copy, "admin"));
    assert_eq!(found.name, Some(format!("found-{}", lost.id)));
    assert_eq!(
        rig.fleet.project(&rig.me, lost.id).await.unwrap_err().kind(),
        ErrorKind::NotFound,
        "it may be anybody's"
    );
    let snapshots = rig.snapshots().await;
    assert_eq!((snapshots.len(), snapshots[0].status), (1, SnapshotStatus::Ready), "{snapshots:?}");
    assert_eq!(rig.told().await, 1, "one of the masters did it");
    assert!(rig.fleet.consistency_check(&admin).await.unwrap().is_consistent());

    // It can be used, brought back from what was rescued, and deleted, as any other.
    assert_eq!(rig.file(&admin, lost.id).await, "kept");
    let job = rig.fleet.restore_project(&admin, lost.id, RestoreRequest::default()).await.unwrap();
    assert!(rig.fleet.wait_job(&admin, job.id, SEEN_TO).await.unwrap().error.is_none());
    assert_eq!(rig.file(&admin, lost.id).await, "kept");
    rig.fleet.delete_project(&admin, lost.id).await.unwrap();
    sleep(SEEN_TO).await;
    assert_eq!(rig.world.objects("one"), [""; 0]);
    assert!(rig.fleet.fleet(&admin).await.unwrap().reserved.is_zero() && rig.projects().await.is_empty());
    assert_eq!(rig.world.violations(), [""; 0]);
    drop(rig.other);
}

#[tokio::test(start_paused = true)]
async fn a_rescue_that_failed_is_tried_again() {
    let rig = Rig::new(Some("{}")).await;
    let lost = rig.project().await;
    rig.forget(lost.id).await;
    sleep(SEEN_TO).await;
    let mut first = rig.snapshots().await.remove(0);
    first.status = SnapshotStatus::Failed;
    let change = Change::default().with(Write::PutSnapshot(Box::new(first.clone())));
    rig.store.commit(&[change]).await.unwrap().remove(0).unwrap();
    sleep(2 * SEEN_TO).await;
    let status = |rows: Vec<Snapshot>| rows.into_iter().map(|row| (row.id == first.id, row.status)).collect::<Vec<_>>();
    let expected = [(true, SnapshotStatus::Failed), (false, SnapshotStatus::Ready)];
    let mut now = status(rig.snapshots().await);
    now.sort_by_key(|(is_first, _)| !is_first);
    assert_eq!(now, expected);
    sleep(2 * SEEN_TO).await;
    assert_eq!(rig.snapshots().await.len(), 2, "that is enough");
}

#[tokio::test(start_paused = true)]
async fn without_a_storage_it_gets_a_project_alone() {
    let rig = Rig::new(None).await;
    let lost = rig.project().await;
    rig.forget(lost.id).await;
    sleep(SEEN_TO).await;
    assert_eq!(rig.projects().await.len(), 1);
    assert!(rig.snapshots().await.is_empty());
    assert_eq!(rig.file(&Caller::admin(), lost.id).await, "kept");
}

#[tokio::test(start_paused = true)]
async fn what_a_deletion_has_not_removed_yet_is_not_found_again() {
    let rig = Rig::new(Some("{}")).await;
    let project = rig.project().await;
    rig.world.hang("one", 5 * SEEN_TO);
    rig.fleet.delete_project(&rig.me, project.id).await.unwrap();
    sleep(6 * SEEN_TO).await;
    assert_eq!((rig.told().await, rig.projects().await.len()), (0, 0));
    assert_eq!(rig.world.objects("one"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_quite_ours_and_other_copies_of_a_known_project_are_left_alone() {
    let rig = Rig::new(Some("{}")).await;
    let (core, mut project) = (&rig.fleet.core, rig.project().await);
    let labels = core.labels(ObjectKind::Project, core.env.uuid(), 7);
    rig.volume(&VolumeSpec { name: "vol-other-g7".to_owned(), labels }).await;
    // The project was restored after the backup, and what is there is the copy before.
    let expected = project.revision;
    project.copy.as_mut().unwrap().data_generation = 5;
    let change = Change::default().with(Write::UpdateProject { project, expected });
    rig.store.commit(&[change]).await.unwrap().remove(0).unwrap();
    sleep(SEEN_TO).await;
    assert_eq!((rig.told().await, rig.projects().await.len()), (0, 1));
    let found = rig.fleet.consistency_check(&Caller::admin()).await.unwrap();
    assert_eq!(found.strays.len(), 2, "they are shown: {found:?}");
    assert_eq!(rig.world.objects("one").len(), 2, "and kept");
}

#[tokio::test(start_paused = true)]
async fn a_volume_with_nothing_in_it_goes() {
    let rig = Rig::new(Some("{}")).await;
    let (core, project) = (&rig.fleet.core, rig.project().await);
    let late = |subject: uuid::Uuid| VolumeSpec {
        name: format!("vol-{subject}-g7"),
        labels: core.labels(ObjectKind::Project, subject, 7),
    };
    rig.volume(&late(project.id.as_uuid())).await;
    rig.volume(&late(core.env.uuid())).await;
    assert_eq!(rig.fleet.consistency_check(&Caller::admin()).await.unwrap().strays.len(), 2);
    sleep(SEEN_TO).await;
    assert_eq!(rig.world.objects("one"), [format!("vol-{}-g1", project.id)]);
    assert_eq!((rig.told().await, rig.projects().await.len()), (0, 1), "nobody needs a project for it");
    assert_eq!(rig.fleet.project(&rig.me, project.id).await.unwrap().superseded, []);
    assert_eq!(rig.file(&rig.me, project.id).await, "kept");
}

#[tokio::test(start_paused = true)]
async fn a_pass_on_request_says_what_it_will_do_and_a_dry_run_does_nothing() {
    let rig = Rig::new(None).await;
    let (admin, grace) = (Caller::admin(), rig.fleet.core.config.orphan_grace);
    let lost = rig.project().await;
    rig.forget(lost.id).await;
    let subject = rig.fleet.core.env.uuid();
    let labels = |kind| rig.fleet.core.labels(kind, subject, 1);
    rig.volume(&VolumeSpec { name: format!("vol-{subject}-g1"), labels: labels(ObjectKind::Project) }).await;
    rig.volume(&VolumeSpec { name: "vol-other".to_owned(), labels: labels(ObjectKind::Project) }).await;
    rig.volume(&VolumeSpec { name: format!("cache-{subject}-g1"), labels: labels(ObjectKind::Cache) }).await;
    let before = rig.world.objects("one");

    let look = rig.fleet.reconcile(&admin, true).await.unwrap();
    let mut fates: Vec<(&str, &str)> =
        look.orphans.iter().map(|one| (one.object.name.as_str(), one.fate.name())).collect();
    fates.sort_unstable();
    let mut expected = [
        (format!("cache-{subject}-g1"), "removed"),
        (format!("vol-{}-g1", lost.id), "taken_in"),
        (format!("vol-{subject}-g1"), "removed"),
        ("vol-other".to_owned(), "kept"),
    ];
    expected.sort_unstable();
    assert_eq!(fates, expected.each_ref().map(|(name, fate)| (name.as_str(), *fate)));
    assert!(look.servers == 1 && look.unanswered.is_empty());
    assert!(look.orphans.iter().all(|one| one.due == grace), "a look does not count: {look:?}");

    let pass = rig.fleet.reconcile(&admin, false).await.unwrap();
    assert_eq!((pass.orphans.len(), rig.world.objects("one")), (4, before), "nothing goes before its time");
    sleep(grace / 2).await;
    let look = rig.fleet.reconcile(&admin, true).await.unwrap();
    assert!(look.orphans.iter().all(|one| one.due <= grace / 2), "{look:?}");
    sleep(grace / 2).await;
    let pass = rig.fleet.reconcile(&admin, false).await.unwrap();
    assert_eq!(pass.orphans.iter().map(|one| one.object.name.as_str()).collect::<Vec<_>>(), ["vol-other"]);
    assert_eq!((rig.told().await, rig.projects().await.len()), (1, 1));

    assert_eq!(rig.fleet.reconcile(&rig.me, true).await.unwrap_err().kind(), ErrorKind::Forbidden);
    rig.world.hang("one", 5 * SEEN_TO);
    let look = rig.fleet.reconcile(&admin, true).await.unwrap();
    assert_eq!((look.orphans.len(), look.unanswered.len()), (0, 1), "{look:?}");
}
