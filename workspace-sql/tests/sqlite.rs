//! `SqliteStore` on real files.
#![cfg(feature = "sqlite")]

use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use workspace_core::error::ErrorKind;
use workspace_core::port::StateStore;
use workspace_core::testing::conformance::state_store;
use workspace_sql::{SecretKey, SqliteStore};

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_of_the_port_holds() {
    let folders = Mutex::new(Vec::new());
    state_store::run_all(async || {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path().join("state.db"), SecretKey::generate()).await.unwrap();
        folders.lock().unwrap().push(folder);
        Arc::new(store) as Arc<dyn StateStore>
    })
    .await;
}

#[tokio::test]
async fn a_second_store_is_told_that_the_file_is_in_use() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let first = SqliteStore::open(&path, None).await.unwrap();
    let error = SqliteStore::open(&path, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreInUse);
    assert!(error.next_step().unwrap().contains("Postgres"));
    let fleet = first.fleet_id().await.unwrap();
    first.close().await;
    let again = SqliteStore::open(&path, None).await.unwrap();
    assert_eq!(again.fleet_id().await.unwrap(), fleet, "the fleet keeps its id");
}
