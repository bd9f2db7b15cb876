//! Several masters on one Postgres and real Docker servers: capacity is claimed in the database.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use workspace_fleet::model::{Reservation, Status};
use workspace_fleet::port::StateStore;
use workspace_fleet::resources::Resources;
use workspace_fleet::sql::{PostgresConfig, PostgresStore, SecretKey};
use workspace_fleet::{Caller, Config, ErrorKind, Orchestrator, id::MasterId};
use workspace_tests::{docker_pool, objects, quick, real_part, register_all, settled, sleeper};

/// Workspaces that each server has room for, in cores.
const ROOM: u64 = 20;

async fn master(name: &str, store: &Arc<PostgresStore>) -> Orchestrator {
    let config = Config {
        master: MasterId::new(name),
        max_starting_per_server: 4,
        probe_interval: Duration::from_secs(1),
        ..quick()
    };
    Orchestrator::builder(docker_pool())
        .shared_store(Arc::clone(store) as Arc<dyn StateStore>)
        .config(config)
        .start()
        .await
        .unwrap()
}

/// What was held after each change of a server's ledger, at its most.
fn most_ever_held(history: &[Reservation]) -> Resources {
    let last = history.iter().flat_map(|row| [Some(row.claimed_seq), row.released_seq]).flatten().max().unwrap_or(0);
    (0..=last).fold(Resources::default(), |most, seq| {
        let held = history.iter().filter(|row| row.claimed_seq <= seq && row.released_seq.is_none_or(|end| end > seq));
        let sum = held.fold(Resources::default(), |sum, row| sum.plus(row.resources));
        most.zip(sum, u64::max)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_masters_never_over_book() {
    let schema = format!("masters_{}", std::process::id());
    let config = PostgresConfig { schema, ..PostgresConfig::default() };
    let key = SecretKey::generate();
    let store = PostgresStore::open_with(&real_part("WORKSPACE_TEST_DATABASE_URL"), key, &config).await.unwrap();
    let store = Arc::new(store);
    let (first, second) = (master("first", &store).await, master("second", &store).await);
    let servers = register_all(&first, |spec| {
        spec.capacity =
            Some(Resources { cpu_millis: ROOM * 100, memory_mib: 8_192, disk_gib: 100, ..Resources::default() });
    })
    .await;

    let me = Caller::owner("ada");
    let creates = (0..100).map(|n| {
        let fleet = if n % 2 == 0 { &first } else { &second };
        let me = &me;
        async move { fleet.create_workspace(me, sleeper(&format!("ws-{n}")), None).await }
    });
    let (made, refused): (Vec<_>, Vec<_>) = join_all(creates).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (40, 60), "there is room for 40");
    for error in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.kind(), ErrorKind::InsufficientCapacity);
        assert_eq!(error.refused_servers().len(), 2, "each server has its reason");
    }
    let rows = join_all(made.iter().flatten().map(|row| settled(&second, row, Status::Running))).await;
    let mut networks = BTreeMap::new();
    for row in &rows {
        *networks.entry((row.desired.server, row.desired.network_slot)).or_insert(0) += 1;
    }
    assert_eq!(networks.len(), 40, "each workspace has a network of its own");
    let found = objects(&first).await;
    assert_eq!(found.iter().filter(|name| name.starts_with("ws-")).count(), 40);
    assert_eq!(found.iter().filter(|name| name.starts_with("net-")).count(), 40);

    // Deleted through the other master than the one that made it.
    for (n, row) in made.iter().flatten().enumerate() {
        let fleet = if n % 2 == 0 { &second } else { &first };
        fleet.delete_workspace(&me, row.id, None).await.unwrap();
    }
    for row in made.iter().flatten() {
        let row = first.wait(&me, row.id, Duration::from_mins(2)).await.unwrap();
        assert_eq!(row.observed.status, Status::Deleted, "{:?}", row.observed.waiting);
    }
    assert_eq!(objects(&first).await, Vec::<String>::new());
    for server in servers {
        let history = store.reservations(server.record.id, true).await.unwrap();
        let most = most_ever_held(&history);
        assert!(most.first_over(&server.record.limits()).is_none(), "{most:?} of {:?}", server.record.limits());
        assert_eq!(most.cpu_millis, ROOM * 100, "the server was full once");
        assert!(history.iter().all(|row| row.released_seq.is_some()), "everything was given back");
    }
    second.shutdown().await;
    first.shutdown().await;
}
