//! What both stores do the same way.

mod batch;
mod group;
mod leases;
mod queries;

use std::time::Duration;

use uuid::Uuid;
use workspace_core::environment::Environment;
use workspace_core::error::Result;
use workspace_core::id::FleetId;
use workspace_core::port::{Change, Outcome, Refused};

use self::group::Queue;
pub(crate) use self::group::at_rest;
use crate::SecretKey;
use crate::backend::{Backend, Session};
use crate::cursor::Cursor;
use crate::fault::{Fault, failed, unavailable};
use crate::seal::{HEADER_BYTES, Vault};
use crate::value::{Row, Value, values};

/// How often a change that met others is begun anew. Each time somebody else got on.
const ATTEMPTS: usize = 20;

/// Longer than any answer of ours takes: a database that is silent for so long is lost to us.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a transaction is for.
enum Work<'a> {
    Change(&'a Change),
    Statements(&'a [(&'a str, Vec<Value>)]),
}

/// What a transaction gave.
struct Done {
    outcome: Outcome,
    row: Option<Row>,
}

/// A state store on a database.
#[derive(Debug)]
pub(crate) struct Store<B> {
    pub(crate) backend: B,
    vault: Vault,
    fleet: FleetId,
    queue: Queue,
}

impl<B: Backend> Store<B> {
    /// Begins with a database that has its tables: mints the fleet's id if it is new, and checks the key.
    pub(crate) async fn open(backend: B, key: Option<&SecretKey>) -> Result<Self> {
        let mut store =
            Self { backend, vault: Vault::new(key), fleet: FleetId::from_uuid(Uuid::nil()), queue: Queue::default() };
        store.fleet = store.mint_fleet().await?;
        store.check_key().await?;
        Ok(store)
    }

    /// The first store on a database gives the fleet its id; of two at once, one does.
    async fn mint_fleet(&self) -> Result<FleetId> {
        if let Some(fleet) = self.read_fleet().await? {
            return Ok(fleet);
        }
        let sql = "INSERT INTO @fleet (one, id) VALUES (1, $1) ON CONFLICT DO NOTHING";
        let minted = Environment::system().uuid();
        self.write(&[(sql, values![minted])]).await?;
        self.read_fleet().await?.ok_or_else(|| crate::value::broken("no fleet"))
    }

    async fn read_fleet(&self) -> Result<Option<FleetId>> {
        let rows = self.read("SELECT id FROM @fleet", values![]).await?;
        rows.into_iter().next().map(|mut row| row.id().map(FleetId::from_uuid)).transpose()
    }

    async fn check_key(&self) -> Result<()> {
        let sql = format!(
            "SELECT substr(sealed, 1, {HEADER_BYTES}) FROM @servers WHERE sealed IS NOT NULL \
             UNION SELECT substr(sealed, 1, {HEADER_BYTES}) FROM @projects WHERE sealed IS NOT NULL"
        );
        let rows = self.read(&sql, values![]).await?;
        let headers = rows.into_iter().map(|mut row| Ok(row.opt_bytes()?.unwrap_or_default()));
        self.vault.check(&headers.collect::<Result<Vec<_>>>()?)
    }

    pub(crate) fn fleet_id(&self) -> FleetId {
        self.fleet
    }

    /// Commits a change in a transaction of its own.
    async fn commit_one(&self, change: &Change) -> Result<Result<Outcome, Refused>> {
        let done = within_deadline(self.transact(&Work::Change(change))).await?;
        Ok(done.map(|done| done.outcome))
    }

    /// Carries out statements that nothing refuses, in one transaction; answers the first row of the last.
    pub(crate) async fn write(&self, statements: &[(&str, Vec<Value>)]) -> Result<Option<Row>> {
        match within_deadline(self.transact(&Work::Statements(statements))).await? {
            Ok(done) => Ok(done.row),
            Err(refused) => Err(Fault::Refused(refused).into_error()),
        }
    }

    /// Carries work out in one transaction; begins anew when it met another, which is safe because nothing of it was
    /// committed.
    async fn transact(&self, work: &Work<'_>) -> Result<Result<Done, Refused>> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.attempt(work).await {
                Ok(done) => return Ok(Ok(done)),
                Err(Fault::Refused(refused)) => return Ok(Err(refused)),
                Err(Fault::Failed(error)) => return Err(error),
                Err(Fault::Again(error)) => {
                    tracing::debug!(?error, "a change met another and begins anew");
                    last = error;
                }
            }
        }
        Err(Fault::Again(last).into_error())
    }

    async fn attempt(&self, work: &Work<'_>) -> Result<Done, Fault> {
        let mut session = self.backend.begin().await?;
        let mut cursor = Cursor::new(&mut session, self.backend.dialect(), &self.vault);
        let done = match work {
            Work::Change(change) => cursor.change(change).await.map(|()| None),
            Work::Statements(statements) => cursor.statements(statements).await,
        };
        let outcome = cursor.outcome;
        match done {
            Ok(row) => {
                session.commit().await?;
                Ok(Done { outcome, row })
            }
            Err(fault) => {
                // The transaction is undone in any case; an error here says nothing new.
                if let Err(error) = session.roll_back().await {
                    tracing::debug!(%error, "a transaction could not be rolled back");
                }
                Err(fault)
            }
        }
    }

    /// Asks for rows outside of any change.
    pub(crate) async fn read(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        let sql = self.backend.dialect().render(sql);
        within_deadline(async { self.backend.read(sql, values).await.map_err(failed) }).await
    }
}

async fn within_deadline<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|late| Err(unavailable().source(late)))
}
