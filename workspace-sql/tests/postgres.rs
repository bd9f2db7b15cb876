//! `PostgresStore` on a real database.
#![cfg(feature = "postgres")]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test ends where it fails")]

mod database;
mod sample;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use database::Database;
use database::proxy::Proxy;
use futures::future::join_all;
use sample::{
    claim, commit, counts_from_now_on, numbers_end, project_with_token, running_workspace, server_with_key, totals,
    try_commit,
};
use workspace_core::error::ErrorKind;
use workspace_core::event::NewEvent;
use workspace_core::id::FleetId;
use workspace_core::port::{Change, Refused, StateStore, Write};
use workspace_core::resources::Dimension;
use workspace_core::testing::conformance::state_store;
use workspace_sql::{PostgresConfig, PostgresStore, SecretKey};

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_of_the_port_holds() {
    let database = Database::new();
    let store: Arc<dyn StateStore> = Arc::new(database.fresh().await);
    state_store::run_all(async || {
        database.clear().await;
        store.clone()
    })
    .await;
    database.drop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_of_concurrency_hold_between_two_masters() {
    let database = Database::new();
    let stores: [Arc<dyn StateStore>; 2] = [Arc::new(database.fresh().await), Arc::new(database.again().await)];
    state_store::run_contended(async || {
        database.clear().await;
        stores.to_vec()
    })
    .await;
    database.drop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_start_at_once_on_an_empty_database() {
    let database = Database::new();
    database.name();
    let stores = join_all((0..5).map(|_| database.again())).await;
    let fleets = join_all(stores.iter().map(StateStore::fleet_id)).await;
    let fleets: BTreeSet<FleetId> = fleets.into_iter().map(Result::unwrap).collect();
    assert_eq!(fleets.len(), 1, "the fleet's id is minted once");
    database.drop_all().await;
}

#[tokio::test]
async fn a_lost_connection_is_an_error_and_heals() {
    let database = Database::new();
    let mut proxy = Proxy::start(&database.url).await;
    database.name();
    let store = PostgresStore::open_with(&proxy.url, database.key.clone(), &database.config()).await.unwrap();
    let server = server_with_key("k");
    commit(&store, Write::InsertServer(server.clone())).await;
    proxy.cut().await;
    let error = store.commit(&[Change::default().with(claim(server.id, 1))]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{}", error.chain());
    assert!(error.is_retryable() && error.next_step().is_some());
    let error = store.servers().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{}", error.chain());
    proxy.mend();
    let start = Instant::now();
    while store.servers().await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "the store heals when its database is back");
    }
    let lost = store.server(server.id).await.unwrap().unwrap().reserved.slots;
    assert_eq!(lost, 0, "what could not be committed is not there");
    for _ in 0..totals().slots {
        commit(&store, claim(server.id, 1)).await;
    }
    store.close().await;
    database.drop_all().await;
}

#[tokio::test]
async fn a_cut_in_the_middle_of_changes_leaves_whole_changes() {
    let database = Database::new();
    let mut proxy = Proxy::start(&database.url).await;
    database.name();
    let store = PostgresStore::open_with(&proxy.url, database.key.clone(), &database.config()).await.unwrap();
    let mut server = server_with_key("k");
    server.totals.slots = 10_000;
    commit(&store, Write::InsertServer(server.clone())).await;
    let event =
        || NewEvent { parent: server.id.as_uuid(), at: server.created_at, kind: "k".to_owned(), data: 1.into() };
    let writer = async {
        let mut acknowledged = 0;
        loop {
            let change = Change::default().with(claim(server.id, 1)).with(Write::Append(event()));
            match store.commit(&[change]).await {
                Ok(answers) => acknowledged += answers.iter().filter(|answer| answer.is_ok()).count(),
                Err(_) => return acknowledged,
            }
        }
    };
    let (acknowledged, ()) = tokio::join!(writer, async {
        let reader = database.again().await;
        while reader.server(server.id).await.unwrap().unwrap().reserved.slots < 5 {}
        proxy.cut().await;
    });
    let reader = database.again().await;
    let reserved = reader.server(server.id).await.unwrap().unwrap().reserved.slots;
    let events = reader.events(server.id.as_uuid(), 0, 100_000).await.unwrap().len();
    let live = reader.reservations(server.id, false).await.unwrap().len();
    assert_eq!((events as u64, live as u64), (reserved, reserved), "each change is there wholly or not at all");
    assert!(events == acknowledged || events == acknowledged + 1, "{events} written, {acknowledged} acknowledged");
    database.drop_all().await;
}

#[tokio::test]
async fn addresses_that_do_not_work_are_told_apart() {
    let error = PostgresStore::open("postgres://nobody@127.0.0.1:1/none", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{}", error.chain());
    let error = PostgresStore::open("not an address", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{}", error.chain());
    let schema = "x; DROP TABLE y".to_owned();
    let config = PostgresConfig { schema, ..PostgresConfig::default() };
    let error = PostgresStore::open_with("postgres://a@127.0.0.1/b", None, &config).await.unwrap_err();
    assert_eq!(error.field(), Some("schema"));
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_refused_and_secrets_are_sealed() {
    let database = Database::new();
    let store = database.fresh().await;
    commit(&store, Write::InsertServer(server_with_key("SECRET-key"))).await;
    commit(&store, Write::InsertProject(project_with_token("SECRET-token"))).await;
    for wrong in [None, Some(SecretKey::generate())] {
        let error = PostgresStore::open_with(&database.url, wrong, &database.config()).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("secret_key")));
    }
    for table in ["servers", "projects"] {
        let find =
            |text: &str| format!("DELETE FROM @{table} t WHERE t::text LIKE '%{text}%' OR t.sealed LIKE '%{text}%'");
        assert_eq!(database.execute(&find("SECRET")).await.unwrap(), 0, "no secret in plain text");
        assert_eq!(database.execute(&find("https://")).await.unwrap(), 1, "the search finds what is there");
    }
    database.drop_all().await;
}

#[tokio::test]
async fn the_check_alone_and_the_guard_alone_refuse_over_commit() {
    let database = Database::new();
    let store = database.fresh().await;
    let server = server_with_key("k");
    commit(&store, Write::InsertServer(server.clone())).await;
    for (column, limit) in [("cpu", 100), ("memory", 200), ("disk", 300), ("slots", 4), ("gpus", 5)] {
        let claim = |amount| format!("UPDATE @servers SET reserved_{column} = reserved_{column} + {amount}");
        let error = database.execute(&claim(limit + 1)).await.unwrap_err();
        assert!(error.as_database_error().unwrap().is_check_violation(), "an unguarded claim of {column}: {error}");
        assert!(database.execute(&claim(-1)).await.is_err(), "less than nothing is not reserved");
        database.execute(&claim(limit)).await.unwrap();
        assert!(database.execute(&claim(1)).await.is_err(), "a full server stays full in {column}");
    }
    database.execute("ALTER TABLE @servers DROP CONSTRAINT room_slots").await.unwrap();
    database.execute("UPDATE @servers SET reserved_slots = 5").await.unwrap();
    database.execute("UPDATE @servers SET reserved_slots = 0").await.unwrap();
    let mut fitted = 0;
    for _ in 0..20 {
        match try_commit(&store, claim(server.id, 1)).await {
            Ok(_) => fitted += 1,
            Err(refused) => assert_eq!(refused, Refused::Capacity { dimension: Some(Dimension::Slots) }),
        }
    }
    assert_eq!(fitted, totals().slots, "without the CHECK the guard holds");
    database.drop_all().await;
}

#[tokio::test]
async fn what_ran_before_it_was_counted_is_counted_from_then_on() {
    let database = Database::new();
    let store = database.fresh().await;
    let row = running_workspace();
    commit(&store, Write::InsertWorkspace(Box::new(row.clone()))).await;
    store.close().await;
    database.execute("DROP TABLE @usage").await.unwrap();
    assert_eq!(database.execute("DELETE FROM @_migrations WHERE version = 7").await.unwrap(), 1);
    let store = database.again().await;
    counts_from_now_on(&store, &row).await;
    store.close().await;
    database.drop_all().await;
}

#[tokio::test]
async fn the_network_numbers_of_a_server_end() {
    let database = Database::new();
    let store = database.fresh().await;
    let take_all = async |server| {
        let id = "('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid";
        let sql = format!("INSERT INTO @network_slots SELECT '{server}', i, {id} FROM generate_series(0, 4095) i");
        database.execute(&sql).await.unwrap();
    };
    let give_back = async |slot| {
        database.execute(&format!("DELETE FROM @network_slots WHERE slot = {slot}")).await.unwrap();
    };
    numbers_end(&store, take_all, give_back).await;
    database.drop_all().await;
}
