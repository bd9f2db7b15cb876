//! Two hundred at once for the last place, again and again: one gets it each time.
//!
//! `WORKSPACE_TEST_ROUNDS` (1,000): how often.
#![cfg(all(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where it fails")]

#[expect(dead_code, reason = "not every test of a database needs every part")]
mod database;

use std::sync::Arc;

use database::Database;
use tempfile::TempDir;
use uuid::Uuid;
use workspace_core::environment::Environment;
use workspace_core::id::ServerId;
use workspace_core::model::{ReservationPart, ServerRecord, ServerSpec};
use workspace_core::port::{Change, Refused, StateStore, Write};
use workspace_core::resources::{Dimension, Resources};
use workspace_sql::{SecretKey, SqliteStore};

const AT_ONCE: usize = 200;
/// Of these places all but one are held for good.
const PLACES: u64 = 3;
const PLACE: Resources = Resources { cpu_millis: 100, memory_mib: 64, disk_gib: 0, slots: 1, gpus: 0 };
const PART: ReservationPart = ReservationPart::Compute;

fn rounds() -> usize {
    std::env::var("WORKSPACE_TEST_ROUNDS").map_or(1_000, |text| text.parse().expect("a number of rounds"))
}

fn claim(server: ServerId, holder: Uuid) -> Change {
    Change::default().with(Write::Reserve { server, holder, part: PART, resources: PLACE, even_if_cordoned: false })
}

async fn accepted(store: &dyn StateStore, change: Change) {
    store.commit(&[change]).await.unwrap().remove(0).unwrap();
}

/// A server with one place left.
async fn server(store: &dyn StateStore, env: &Environment) -> ServerId {
    let record = ServerRecord::new(
        ServerId::from_uuid(env.uuid()),
        ServerSpec::new("ws-1", "sim://"),
        PLACE.zip(Resources::default(), |amount, _| amount * PLACES),
        env.now(),
    );
    accepted(store, Change::default().with(Write::InsertServer(record.clone()))).await;
    for _ in 1..PLACES {
        accepted(store, claim(record.id, env.uuid())).await;
    }
    record.id
}

/// Who got the place.
async fn race(stores: &[Arc<dyn StateStore>], server: ServerId, env: &Environment) -> Vec<Uuid> {
    let full = Refused::Capacity { dimension: Some(Dimension::Cpu) };
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|number| {
            let (store, holder) = (Arc::clone(&stores[number % stores.len()]), env.uuid());
            let answer = async move { (holder, store.commit(&[claim(server, holder)]).await.unwrap().remove(0)) };
            tokio::spawn(answer)
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (holder, Ok(_)) => winners.push(holder),
            (_, Err(refused)) => assert_eq!(refused, full, "who comes too late hears that it is full"),
        }
    }
    winners
}

async fn races(stores: &[Arc<dyn StateStore>]) {
    let (env, store) = (Environment::system(), &*stores[0]);
    let server = server(store, &env).await;
    let mut over_committed = 0;
    for round in 0..rounds() {
        let winners = race(stores, server, &env).await;
        assert_eq!(winners.len(), 1, "round {round}: the last place goes to one");
        let state = store.server(server).await.unwrap().unwrap();
        over_committed += usize::from(state.reserved.first_over(&state.record.limits()).is_some());
        accepted(store, Change::default().with(Write::Release { holder: winners[0], part: PART })).await;
    }
    assert_eq!(over_committed, 0, "no round over-commits");
    let held = store.reservations(server, true).await.unwrap();
    let live = held.iter().filter(|held| held.released_seq.is_none()).count();
    assert_eq!((held.len(), live as u64), (rounds() + 2, PLACES - 1), "each round has one claim, given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_place_goes_to_one_on_sqlite() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("state.db"), SecretKey::generate()).await.unwrap();
    races(&[Arc::new(store)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_place_goes_to_one_on_postgres() {
    let database = Database::new();
    races(&[Arc::new(database.fresh().await)]).await;
    database.drop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_place_goes_to_one_of_two_masters() {
    let database = Database::new();
    let stores: [Arc<dyn StateStore>; 2] = [Arc::new(database.fresh().await), Arc::new(database.again().await)];
    races(&stores).await;
    database.drop_all().await;
}
