//! Random sequences of changes give the same answers and leave the same state in memory and in SQL.
#![cfg(feature = "sqlite")]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use workspace_core::environment::Environment;
use workspace_core::memory::MemoryStore;
use workspace_core::port::StateStore;
use workspace_sql::{SecretKey, SqliteStore};
use world::{Step, World, steps};

/// What a change can be answered: the runs must meet all of it.
const ANSWERS: [&str; 10] = [
    "Ok(",
    "NotFound",
    "NameTaken",
    "ProjectTaken",
    "Stale",
    "Fenced",
    "ServerClosed",
    "Capacity",
    "InUse",
    "Remembered",
];

/// Takes both stores through the same steps.
async fn compare(
    memory: &dyn StateStore,
    sql: &dyn StateStore,
    steps: &[Step],
    seen: &mut BTreeSet<&'static str>,
) -> Result<(), TestCaseError> {
    let world = World::new();
    for (number, step) in steps.iter().enumerate() {
        // The words of a step depend on the state (revisions, epochs): the memory store's, which must be the other's.
        let deed = world.deed(step, memory).await;
        let expected = world.carry_out(&deed, memory).await;
        let answer = world.carry_out(&deed, sql).await;
        seen.extend(ANSWERS.iter().filter(|kind| expected.contains(**kind)));
        prop_assert_eq!(answer, expected, "the answer to step {}: {:?}", number, deed);
    }
    prop_assert_eq!(world.state(sql).await, world.state(memory).await, "the state in the end");
    Ok(())
}

fn runs(cases: u32, sql: &dyn StateStore, runtime: &tokio::runtime::Runtime) {
    let memory = MemoryStore::new(Environment::system());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let seen = RefCell::new(BTreeSet::new());
    let outcome = TestRunner::new(config)
        .run(&steps(), |steps| runtime.block_on(compare(&memory, sql, &steps, &mut seen.borrow_mut())));
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    assert_eq!(seen.into_inner(), ANSWERS.into(), "the runs met every kind of answer");
}

#[test]
fn sqlite_does_what_memory_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let store = runtime.block_on(SqliteStore::open(path, SecretKey::generate())).unwrap();
    runs(400, &store, &runtime);
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::database::Database;
    use super::runs;

    #[test]
    fn postgres_does_what_memory_does() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let database = Database::new();
        let store = runtime.block_on(database.fresh());
        runs(100, &store, &runtime);
        runtime.block_on(async {
            store.close().await;
            database.drop_all().await;
        });
    }
}

#[cfg(feature = "postgres")]
#[expect(dead_code, reason = "not every test of a database needs every part")]
mod database;
