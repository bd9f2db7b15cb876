//! `PostgresStore` on a real database.
#![cfg(feature = "postgres")]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test ends where it fails")]

mod database;

use std::sync::Arc;

use database::Database;
use workspace_core::port::StateStore;
use workspace_core::testing::conformance::state_store;

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
