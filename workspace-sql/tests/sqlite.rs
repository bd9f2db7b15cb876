//! `SqliteStore` on real files.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod sample;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use sample::{
    claim, commit, counts_from_now_on, numbers_end, project_with_token, running_workspace, server_with_key, totals,
    try_commit,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Row};
use tempfile::TempDir;
use workspace_core::error::ErrorKind;
use workspace_core::port::{PageRequest, Refused, StateStore, Write};
use workspace_core::resources::Dimension;
use workspace_core::testing::conformance::state_store;
use workspace_sql::{SecretKey, SqliteStore};

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    async fn open(&self, key: &SecretKey) -> SqliteStore {
        SqliteStore::open(self.path(), key.clone()).await.unwrap()
    }

    /// Carries a statement out behind the store's back.
    async fn execute(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let mut connection = SqliteConnectOptions::new().filename(self.path()).connect().await?;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        Ok(done.rows_affected())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_of_the_port_holds() {
    let places = Mutex::new(Vec::new());
    state_store::run_all(async || {
        let place = Place::new();
        let store = place.open(&SecretKey::generate()).await;
        places.lock().unwrap().push(place);
        Arc::new(store) as Arc<dyn StateStore>
    })
    .await;
}

#[tokio::test]
async fn a_second_store_is_told_that_the_file_is_in_use() {
    let place = Place::new();
    let key = SecretKey::generate();
    let first = place.open(&key).await;
    let error = SqliteStore::open(place.path(), key.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreInUse);
    assert!(error.next_step().unwrap().contains("Postgres"));
    let fleet = first.fleet_id().await.unwrap();
    first.close().await;
    let again = place.open(&key).await;
    assert_eq!(again.fleet_id().await.unwrap(), fleet, "the fleet keeps its id");
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let place = Place::new();
    let key = SecretKey::generate();
    let store = place.open(&key).await;
    let (server, project) = (server_with_key("k"), project_with_token("t"));
    commit(&store, Write::InsertServer(server.clone())).await;
    commit(&store, Write::InsertProject(project.clone())).await;
    commit(&store, claim(server.id, 1)).await;
    drop(store);
    let store = loop {
        // A dropped store ends its connections and gives its lock back a moment later.
        match SqliteStore::open(place.path(), key.clone()).await {
            Ok(store) => break store,
            Err(error) => assert_eq!(error.kind(), ErrorKind::StoreInUse),
        }
    };
    let state = store.server(server.id).await.unwrap().unwrap();
    assert_eq!((state.record, state.reserved.slots), (server.clone(), 1));
    assert_eq!(store.project(project.id).await.unwrap(), Some(project));
    assert_eq!(store.reservations(server.id, false).await.unwrap().len(), 1);
}

#[tokio::test]
async fn secrets_are_nowhere_in_plain_text() {
    let place = Place::new();
    let store = place.open(&SecretKey::generate()).await;
    let mut server = server_with_key("SECRET-client-key-one");
    commit(&store, Write::InsertServer(server.clone())).await;
    let project = project_with_token("SECRET-git-token");
    commit(&store, Write::InsertProject(project.clone())).await;
    server.spec.tls = server_with_key("SECRET-client-key-two").spec.tls;
    commit(&store, Write::UpdateServer { record: server.clone(), expected: 1 }).await;
    let shown =
        format!("{store:?} {:?} {:?}", store.servers().await.unwrap(), store.project(project.id).await.unwrap());
    assert!(!shown.contains("SECRET"), "Debug shows no secret");
    let files = || std::fs::read_dir(place.folder.path()).unwrap().map(|file| file.unwrap().path());
    let search = |text: &str| files().any(|path| contains(&std::fs::read(path).unwrap(), text.as_bytes()));
    assert!(files().count() >= 3, "the file, its journal and its lock");
    assert!(search("https://example.org/secret.git"), "the search finds what is there");
    assert!(!search("SECRET"), "no file has a secret in it");
    store.close().await;
    assert!(search("https://example.org/secret.git") && !search("SECRET"), "nor after the journal was written back");
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_refused_when_rows_need_it() {
    let place = Place::new();
    let (key, other) = (SecretKey::generate(), SecretKey::generate());
    let store = SqliteStore::open(place.path(), None).await.unwrap();
    let project = project_with_token("t");
    let secret = [workspace_core::port::Change::default().with(Write::InsertProject(project.clone()))];
    let error = store.commit(&secret).await.unwrap_err();
    assert_eq!(error.field(), Some("secret_key"), "without a key a secret is not written");
    assert!(store.projects(None, PageRequest::default()).await.unwrap().items.is_empty());
    store.close().await;
    place.open(&other).await.close().await;
    let store = place.open(&key).await;
    commit(&store, Write::InsertProject(project.clone())).await;
    store.close().await;
    for wrong in [None, Some(other.clone())] {
        let error = SqliteStore::open(place.path(), wrong).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("secret_key")));
        assert!(error.next_step().unwrap().contains("WORKSPACE_SECRET_KEY"), "it says what to do");
    }
    let store = place.open(&key).await;
    commit(&store, Write::RemoveProject(project.id)).await;
    store.close().await;
    place.open(&other).await;
}

#[tokio::test]
async fn the_check_alone_refuses_over_commit() {
    let place = Place::new();
    let store = place.open(&SecretKey::generate()).await;
    let server = server_with_key("k");
    commit(&store, Write::InsertServer(server.clone())).await;
    for (column, limit) in [("cpu", 100), ("memory", 200), ("disk", 300), ("slots", 4), ("gpus", 5)] {
        let claim = |amount| format!("UPDATE workspace_servers SET reserved_{column} = reserved_{column} + {amount}");
        let error = place.execute(&claim(limit + 1)).await.unwrap_err();
        assert!(error.as_database_error().unwrap().is_check_violation(), "an unguarded claim of {column}: {error}");
        assert!(place.execute(&claim(-1)).await.is_err(), "less than nothing is not reserved");
        place.execute(&claim(limit)).await.unwrap();
        assert!(place.execute(&claim(1)).await.is_err(), "a full server stays full in {column}");
    }
    let mut lowered = server.clone();
    lowered.totals.slots = 1;
    commit(&store, Write::UpdateServer { record: lowered, expected: 1 }).await;
    let sql = "UPDATE workspace_servers SET reserved_slots = reserved_slots + 1";
    assert!(place.execute(sql).await.is_err(), "nor does one whose limit was lowered take more");
}

#[tokio::test]
async fn the_guard_alone_refuses_over_commit() {
    let place = Place::new();
    let key = SecretKey::generate();
    place.open(&key).await.close().await;
    place
        .execute(
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, ' CONSTRAINT room_slots CHECK \
             (ceiling_slots = max(limit_slots, reserved_slots))', '') WHERE name = 'workspace_servers'; \
             PRAGMA writable_schema = RESET",
        )
        .await
        .unwrap();
    let store = place.open(&key).await;
    let server = server_with_key("k");
    commit(&store, Write::InsertServer(server.clone())).await;
    place.execute("UPDATE workspace_servers SET reserved_slots = 9").await.unwrap();
    place.execute("UPDATE workspace_servers SET reserved_slots = 0").await.unwrap();
    let fitted = fill(&store, &server).await;
    assert_eq!(fitted, totals().slots, "without the CHECK the guard holds");
}

/// Claims one place after the other until the server is full.
async fn fill(store: &dyn StateStore, server: &workspace_core::model::ServerRecord) -> u64 {
    let mut fitted = 0;
    for _ in 0..20 {
        match try_commit(store, claim(server.id, 1)).await {
            Ok(_) => fitted += 1,
            Err(refused) => assert_eq!(refused, Refused::Capacity { dimension: Some(Dimension::Slots) }),
        }
    }
    fitted
}

#[tokio::test]
async fn our_tables_leave_a_host_s_tables_alone() {
    let place = Place::new();
    place.execute("SELECT 1").await.unwrap_err();
    std::fs::write(place.path(), "").unwrap();
    place.execute("CREATE TABLE servers (mine TEXT); CREATE TABLE _sqlx_migrations (mine TEXT)").await.unwrap();
    let store = place.open(&SecretKey::generate()).await;
    let mut connection = SqliteConnectOptions::new().filename(place.path()).connect().await.unwrap();
    let names = sqlx::query("SELECT name FROM sqlite_schema").fetch_all(&mut connection).await.unwrap();
    let ours = names.iter().map(|row| row.get::<String, _>(0)).filter(|name| {
        !name.starts_with("workspace_")
            && !name.starts_with("sqlite_")
            && name != "servers"
            && name != "_sqlx_migrations"
    });
    assert_eq!(ours.collect::<Vec<_>>(), [""; 0], "every table and index of ours has our prefix");
    store.close().await;
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let place = Place::new();
    std::fs::write(place.path(), "this is some text and not a database at all, really not".repeat(40)).unwrap();
    let error = SqliteStore::open(place.path(), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{}", error.chain());
    let error = SqliteStore::open(place.folder.path().join("missing/state.db"), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{}", error.chain());
}

#[tokio::test]
async fn a_store_of_a_later_release_is_left_alone() {
    let place = Place::new();
    let key = SecretKey::generate();
    place.open(&key).await.close().await;
    let sql = "INSERT INTO workspace__migrations SELECT 999, 'later', installed_on, 1, checksum, 0 \
               FROM workspace__migrations LIMIT 1";
    assert_eq!(place.execute(sql).await.unwrap(), 1);
    let error = SqliteStore::open(place.path(), key).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{}", error.chain());
}

#[tokio::test]
async fn what_ran_before_it_was_counted_is_counted_from_then_on() {
    let place = Place::new();
    let key = SecretKey::generate();
    let store = place.open(&key).await;
    let row = running_workspace();
    commit(&store, Write::InsertWorkspace(Box::new(row.clone()))).await;
    store.close().await;
    place.execute("DROP TABLE workspace_usage").await.unwrap();
    assert_eq!(place.execute("DELETE FROM workspace__migrations WHERE version = 7").await.unwrap(), 1);
    let store = place.open(&key).await;
    counts_from_now_on(&store, &row).await;
}

#[tokio::test]
async fn the_network_numbers_of_a_server_end() {
    let place = Place::new();
    let store = place.open(&SecretKey::generate()).await;
    let take_all = async |server| {
        let sql = format!(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4095) \
             INSERT INTO workspace_network_slots SELECT '{server}', i, printf('00000000-0000-7000-8000-%012x', i) FROM n"
        );
        place.execute(&sql).await.unwrap();
    };
    let give_back = async |slot| {
        place.execute(&format!("DELETE FROM workspace_network_slots WHERE slot = {slot}")).await.unwrap();
    };
    numbers_end(&store, take_all, give_back).await;
}
