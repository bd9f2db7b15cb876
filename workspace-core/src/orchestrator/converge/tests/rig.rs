//! A fleet on one simulated server where nothing goes wrong but what a script says.

use std::sync::Arc;

use crate::id::WorkspaceId;
use crate::model::{ServerSpec, Status, Workspace};
use crate::orchestrator::converge::tests::LONG;
use crate::orchestrator::converge::tests::script::{Act, Script};
use crate::orchestrator::converge::tests::ways::{Spot, Way};
use crate::orchestrator::test_fleet::{Held, watched_store};
use crate::orchestrator::{Caller, Config, NewWorkspace, Orchestrator, Registration};
use crate::port::{PageRequest, StateStore, WorkspaceFilter};
use crate::resources::Resources;
use crate::secret::Secret;
use crate::testing::sim::{FaultPlan, SimPool, World};

const SERVER: &str = "one";
/// Takes what leaves the other.
const REFUGE: &str = "two";

pub(super) struct Rig {
    pub(super) world: Arc<World>,
    pub(super) script: Arc<Script>,
    store: Arc<dyn StateStore>,
    /// `None` between two masters.
    fleet: Option<Orchestrator>,
    _held: Held,
}

impl Rig {
    pub(super) async fn new() -> Self {
        let world = World::new(1, FaultPlan::none());
        let totals = Resources { cpu_millis: 4_000, memory_mib: 4_096, disk_gib: 10, slots: 10, gpus: 0 };
        for name in [SERVER, REFUGE] {
            world.add_server(name, totals, &["base", "worker"], &[]);
        }
        let (store, held) = watched_store(&world);
        let mut rig = Self { world, script: Arc::default(), store, fleet: None, _held: held };
        rig.end_and_start_anew().await;
        rig.register(SERVER).await;
        rig
    }

    /// Ends the master as if its process had died; the next has the same name, and nothing is scripted for it.
    pub(super) async fn end_and_start_anew(&mut self) {
        drop(self.fleet.take());
        self.script.let_go();
        let builder = Orchestrator::builder(SimPool::new(&self.world)).environment(self.world.environment());
        let config = Config { storage: Some(Secret::new("{}")), ..Config::default() };
        let builder = builder.shared_store(Arc::clone(&self.store)).injector(Arc::clone(&self.script) as _);
        let builder = builder.config(config);
        self.fleet = Some(builder.start().await.unwrap());
    }

    async fn register(&self, name: &str) {
        let spec = ServerSpec::new(name, format!("sim://{name}"));
        self.fleet().register_server(&Caller::admin(), spec, Registration::MustAnswer, None).await.unwrap();
    }

    fn fleet(&self) -> &Orchestrator {
        self.fleet.as_ref().unwrap()
    }

    /// Brings a workspace to where a way begins, and lets it go that way with this on it.
    pub(super) async fn go(&self, spot: &Spot, act: Act) -> WorkspaceId {
        let (admin, set) = (Caller::admin(), || self.script.set(spot.step, spot.moment, act));
        if spot.way == Way::First {
            set();
        }
        let id = self.fleet().create_workspace(&admin, NewWorkspace::new("w", "base"), None).await.unwrap().id;
        if spot.way == Way::First {
            return id;
        }
        self.reached(id, Status::Running, spot).await;
        set();
        match spot.way {
            Way::First => {}
            Way::Again => drop(self.fleet().restart_workspace(&admin, id).await.unwrap()),
            Way::Stop => drop(self.fleet().stop_workspace(&admin, id).await.unwrap()),
            Way::Delete => self.delete(id).await,
            Way::Leave => {
                self.register(REFUGE).await;
                let row = self.fleet().workspace(&admin, id).await.unwrap();
                self.fleet().drain_server(&admin, row.desired.server.unwrap()).await.unwrap();
                // It begins with the next look at all servers.
                self.script.met().await;
            }
        }
        id
    }

    pub(super) async fn delete(&self, id: WorkspaceId) {
        self.fleet().delete_workspace(&Caller::admin(), id, None).await.unwrap();
    }

    /// Waits until a workspace is at rest, and sees that it is as it should be.
    pub(super) async fn reached(&self, id: WorkspaceId, goal: Status, spot: &Spot) -> Workspace {
        let row = self.fleet().wait(&Caller::admin(), id, LONG).await.unwrap();
        assert_eq!(row.observed.status, goal, "{spot:?}: {:?}", row.observed);
        assert!(row.is_settled(), "{spot:?}: {row:?}");
        row
    }

    /// Deletes what is left, and sees that nothing is.
    pub(super) async fn clean_slate(&self, what: &str) {
        self.script.let_go();
        let all = PageRequest { after: None, limit: 100 };
        for row in self.store.workspaces(&WorkspaceFilter::default(), all).await.unwrap().items {
            self.delete(row.id).await;
            let row = self.fleet().wait(&Caller::admin(), row.id, LONG).await.unwrap();
            assert_eq!(row.observed.status, Status::Deleted, "{what}: {:?}", row.observed);
        }
        assert!(self.store.workspaces(&WorkspaceFilter::default(), all).await.unwrap().items.is_empty(), "{what}");
        // What a workspace left behind when it moved goes with the next look at all servers.
        if self.store.servers().await.unwrap().len() > 1 {
            tokio::time::sleep(LONG).await;
        }
        assert!(self.store.projects(None, all).await.unwrap().items.is_empty(), "{what} left a project");
        for server in self.store.servers().await.unwrap() {
            let held = self.store.reservations(server.record.id, false).await.unwrap();
            assert!(held.is_empty(), "{what} left {held:?}");
            assert_eq!((server.reserved, server.workspaces), (Resources::default(), 0), "{what}");
        }
        for server in [SERVER, REFUGE] {
            assert_eq!(self.world.objects(server), Vec::<String>::new(), "{what} left something on {server}");
        }
        assert_eq!(self.world.violations(), Vec::<String>::new(), "{what}");
    }
}
