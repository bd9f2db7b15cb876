//! Commits that wait go together, and each is for itself.
#![cfg(all(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where it fails")]

#[expect(dead_code, reason = "not every test of a database needs every part")]
mod database;
#[expect(dead_code, reason = "not every test of a database needs every part")]
mod sample;

use std::sync::Arc;

use database::Database;
use futures::FutureExt;
use futures::future::join_all;
use sample::{claim, commit, project_with_token, server_with_key};
use tempfile::TempDir;
use workspace_core::error::Result;
use workspace_core::id::ServerId;
use workspace_core::model::{Scheduling, ServerRecord};
use workspace_core::port::{Change, Outcome, PageRequest, Refused, StateStore, Write};
use workspace_core::resources::{Dimension, Resources};
use workspace_sql::{PostgresStore, SqliteStore};

const ROOM: u64 = 60;

async fn server(store: &dyn StateStore) -> ServerId {
    let mut record: ServerRecord = server_with_key("k");
    (record.spec.tls, record.scheduling) = (None, Scheduling::Active);
    record.totals = Resources { slots: ROOM, ..record.totals };
    commit(store, Write::InsertServer(record.clone())).await;
    record.id
}

type Answer = Result<Vec<std::result::Result<Outcome, Refused>>>;

/// Among a hundred claims one that no database takes: the store has no key for its secret.
async fn one_bad_change_fails_alone(store: &dyn StateStore) {
    let server = server(store).await;
    let bad = project_with_token("t");
    let changes: Vec<[Change; 1]> = (0..100)
        .map(|number| {
            [Change::default().with(if number == 37 { Write::InsertProject(bad.clone()) } else { claim(server, 1) })]
        })
        .collect();
    let answers: Vec<Answer> = join_all(changes.iter().map(|change| store.commit(change))).await;
    for (number, answer) in answers.iter().enumerate() {
        match answer {
            Err(error) => assert_eq!((number, error.field()), (37, Some("secret_key")), "the bad one alone fails"),
            Ok(answers) if number < 61 => assert!(answers[0].is_ok(), "number {number} has room: {answers:?}"),
            Ok(answers) => {
                let full = Refused::Capacity { dimension: Some(Dimension::Slots) };
                assert_eq!(answers[0], Err(full), "number {number} comes too late");
            }
        }
    }
    assert!(answers[37].is_err());
    assert_eq!(store.server(server).await.unwrap().unwrap().reserved.slots, ROOM);
    assert_eq!(store.projects(None, PageRequest::default()).await.unwrap().items, []);
}

/// Callers go away at every moment; what they asked for is there wholly or not at all, and nobody else notices.
async fn callers_who_give_up_take_nobody_with_them(store: Arc<dyn StateStore>) {
    let server = server(&*store).await;
    let changes: Vec<[Change; 1]> = (0..50).map(|_| [Change::default().with(claim(server, 1))]).collect();
    let (mut left, mut stay) = (Vec::new(), Vec::new());
    for (number, change) in changes.iter().enumerate() {
        let mut commit = Box::pin(store.commit(change));
        assert!(commit.as_mut().now_or_never().is_none(), "a commit is not done at once");
        if number % 5 == 4 { left.push(commit) } else { stay.push(commit) }
    }
    drop(left);
    for answer in join_all(stay).await {
        assert!(answer.unwrap()[0].is_ok(), "who stays is answered");
    }
    let reserved = store.server(server).await.unwrap().unwrap().reserved.slots;
    let live = store.reservations(server, false).await.unwrap().len() as u64;
    assert!(live == reserved && (40..=50).contains(&reserved), "{live} reservations, {reserved} reserved");
    assert!(store.commit(&[Change::default().with(claim(server, 1))]).await.unwrap()[0].is_ok(), "the store goes on");
}

#[tokio::test]
async fn on_sqlite() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path().join("state.db"), None).await.unwrap());
    one_bad_change_fails_alone(&*store).await;
    callers_who_give_up_take_nobody_with_them(store).await;
}

#[tokio::test]
async fn on_postgres() {
    let database = Database::new();
    let config = database.name();
    let store = Arc::new(PostgresStore::open_with(&database.url, None, &config).await.unwrap());
    one_bad_change_fails_alone(&*store).await;
    callers_who_give_up_take_nobody_with_them(store).await;
    database.drop_all().await;
}
