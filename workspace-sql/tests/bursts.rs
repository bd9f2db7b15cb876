//! Bursts and books on every store: many workspaces at once, one look, one commit; and the books agree after it.

#![cfg(all(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where something is not as it should be")]

#[expect(dead_code, reason = "not every test of a database needs every part")]
mod database;

use std::collections::BTreeMap;
use std::sync::Arc;

use database::Database;
use futures::future::join_all;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};
use tempfile::TempDir;
use workspace_core::environment::Environment;
use workspace_core::error::{Error, ErrorKind};
use workspace_core::memory::MemoryStore;
use workspace_core::model::{ReservationPart, ServerSpec, Workspace};
use workspace_core::orchestrator::{Caller, Config, DifferenceKind, NewWorkspace, Orchestrator, Registration};
use workspace_core::port::{Change, StateStore, Write};
use workspace_core::resources::Resources;
use workspace_core::testing::sim::{FaultPlan, SimPool, World};
use workspace_sql::{SecretKey, SqliteStore};

/// Workspaces that each server has room for.
const ROOM: u64 = 8;
const SERVERS: u64 = 3;

struct Fleet {
    orchestrator: Orchestrator,
    store: Arc<dyn StateStore>,
}

impl Fleet {
    async fn new(store: Arc<dyn StateStore>) -> Self {
        let world = World::new(1, FaultPlan::default());
        world.set_faults(false);
        let totals = Resources { cpu_millis: 100 * ROOM, memory_mib: 4_096, disk_gib: 50, slots: 50, gpus: 0 };
        let pool = SimPool::new(&world);
        let orchestrator =
            Orchestrator::builder(pool).shared_store(Arc::clone(&store)).config(Config::default()).start().await;
        let fleet = Self { orchestrator: orchestrator.unwrap(), store };
        for number in 0..SERVERS {
            let name = format!("ws-{number}");
            world.add_server(&name, totals, &["workspace-base"], &[]);
            let spec = ServerSpec::new(name.clone(), format!("sim://{name}"));
            let state =
                fleet.orchestrator.register_server(&Caller::admin(), spec, Registration::MustAnswer, None).await;
            state.unwrap();
        }
        fleet
    }

    async fn agrees(&self) {
        let found = self.orchestrator.consistency_check(&Caller::admin()).await.unwrap();
        assert_eq!(found.differences, [], "the books agree");
        assert_eq!(found.servers as u64, SERVERS);
    }
}

fn small(name: &str) -> NewWorkspace {
    let mut new = NewWorkspace::new(name, "workspace-base");
    new.spec.command = vec!["sleep".to_owned(), "infinity".to_owned()];
    new.spec.resources = Resources { cpu_millis: 100, memory_mib: 32, disk_gib: 1, ..Resources::default() };
    new
}

fn per_server(rows: &[Workspace]) -> Vec<usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.desired.server).or_insert(0) += 1;
    }
    counts.into_values().collect()
}

/// A burst with good and bad requests, more than there is room for.
async fn a_burst_is_placed_at_once(store: Arc<dyn StateStore>) {
    let fleet = Fleet::new(store).await;
    let me = Caller::owner("ada");
    let mut news: Vec<_> = (0..12).map(|n| small(&format!("ws-{n}"))).collect();
    news[3].name.push_str(" is not a name!");
    let taken = news[0].name.clone();
    news[5].name = taken;
    news[7].spec.resources.cpu_millis = 1_000_000;
    let answers = fleet.orchestrator.place_many(&me, news).await.unwrap();
    let kinds: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(Error::kind)).collect();
    let mut expected = vec![None; 12];
    expected[3] = Some(ErrorKind::Invalid);
    expected[5] = Some(ErrorKind::NameTaken);
    expected[7] = Some(ErrorKind::InsufficientCapacity);
    assert_eq!(kinds, expected, "each has its own answer, in order");
    let made: Vec<_> = answers.into_iter().flatten().collect();
    // The name that was taken had a place in the pass.
    let spread = per_server(&made);
    assert!(spread.iter().all(|count| (2..=4).contains(count)), "each decision sees those before it: {spread:?}");
    fleet.agrees().await;

    let rest = (0..20).map(|n| small(&format!("more-{n}"))).collect();
    let answers = fleet.orchestrator.place_many(&me, rest).await.unwrap();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 15, "room for 24 in all");
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(error.kind(), ErrorKind::InsufficientCapacity);
        assert_eq!(error.refused_servers().len() as u64, SERVERS, "each server has its reason");
    }
    fleet.agrees().await;
    fleet.orchestrator.shutdown().await;
}

/// Creates at once spread out, although none of them is committed when the next decides.
async fn creates_at_once_see_each_other(store: Arc<dyn StateStore>) {
    let fleet = Fleet::new(store).await;
    let me = Caller::owner("ada");
    let creates = (0..30).map(|n| fleet.orchestrator.create_workspace(&me, small(&format!("ws-{n}")), None));
    let checks = async {
        for _ in 0..10 {
            fleet.agrees().await;
        }
    };
    let (answers, ()) = tokio::join!(join_all(creates), checks);
    let made: Vec<_> = answers.into_iter().flatten().collect();
    assert_eq!(per_server(&made), [8, 8, 8], "every place is taken once");
    fleet.agrees().await;
    fleet.orchestrator.shutdown().await;
}

async fn on_each_store(test: impl AsyncFn(Arc<dyn StateStore>)) {
    test(Arc::new(MemoryStore::new(Environment::system()))).await;
    let folder = TempDir::new().unwrap();
    test(Arc::new(SqliteStore::open(folder.path().join("state.db"), SecretKey::generate()).await.unwrap())).await;
    let database = Database::new();
    test(Arc::new(database.fresh().await)).await;
    database.drop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_are_placed_at_once_on_each_store() {
    on_each_store(a_burst_is_placed_at_once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creates_at_once_see_each_other_on_each_store() {
    on_each_store(creates_at_once_see_each_other).await;
}

/// The check finds what it is there for: more reserved than reservations say, put there behind the store's back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_that_do_not_agree_are_found() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let store: Arc<dyn StateStore> = Arc::new(SqliteStore::open(&path, SecretKey::generate()).await.unwrap());
    let fleet = Fleet::new(store).await;
    let server = fleet.store.servers().await.unwrap().remove(0).record;
    let resources = Resources { cpu_millis: 100, ..Resources::default() };
    let part = ReservationPart::Compute;
    let holder = Environment::system().uuid();
    let claim = Write::Reserve { server: server.id, holder, part, resources, even_if_cordoned: false };
    fleet.store.commit(&[Change::default().with(claim)]).await.unwrap().remove(0).unwrap();
    fleet.agrees().await;
    let mut database = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    database.execute("UPDATE workspace_reservations SET cpu = 99").await.unwrap();
    let found = fleet.orchestrator.consistency_check(&Caller::admin()).await.unwrap();
    assert_eq!(found.differences.len(), 1);
    let difference = &found.differences[0];
    assert_eq!((difference.server, difference.kind), (server.id, DifferenceKind::Reservations));
    assert_eq!((difference.reserved.cpu_millis, difference.expected.cpu_millis), (100, 99));
    fleet.orchestrator.shutdown().await;
}
