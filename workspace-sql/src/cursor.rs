//! A transaction with what its writes have in common.

use uuid::Uuid;
use workspace_core::model::Fence;
use workspace_core::port::{Change, Outcome, Refused, Write};

use crate::backend::{Dialect, Session};
use crate::change::Claim;
use crate::fault::Fault;
use crate::locks;
use crate::seal::Vault;
use crate::value::{Row, Value, values};

/// One change under way.
pub(crate) struct Cursor<'a, S> {
    pub(crate) session: &'a mut S,
    pub(crate) dialect: &'a Dialect,
    pub(crate) vault: &'a Vault,
    pub(crate) fence: Option<&'a Fence>,
    pub(crate) outcome: Outcome,
    /// The server whose row the last claim locked.
    pub(crate) locked_server: Option<Uuid>,
}

impl<'a, S: Session> Cursor<'a, S> {
    pub(crate) fn new(session: &'a mut S, dialect: &'a Dialect, vault: &'a Vault) -> Self {
        Self { session, dialect, vault, fence: None, outcome: Outcome::default(), locked_server: None }
    }

    pub(crate) async fn rows(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, Fault> {
        Ok(self.session.run(self.dialect.render(sql), values).await?)
    }

    /// The first row of an answer.
    pub(crate) async fn row(&mut self, sql: &str, values: Vec<Value>) -> Result<Option<Row>, Fault> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Carries statements out; answers the first row of the last.
    pub(crate) async fn statements(&mut self, statements: &[(&str, Vec<Value>)]) -> Result<Option<Row>, Fault> {
        let mut last = None;
        for (sql, values) in statements {
            last = self.row(sql, values.clone()).await?;
        }
        Ok(last)
    }

    /// Carries a change out up to its commit.
    pub(crate) async fn change(&mut self, change: &'a Change) -> Result<(), Fault> {
        if let Some(fence) = &change.fence
            && !self.hold_fence(fence).await?
        {
            return Err(Refused::Fenced.into());
        }
        locks::take(self, &change.writes).await?;
        self.writes(change).await
    }

    /// Carries out the writes of a change whose fence is held.
    pub(crate) async fn writes(&mut self, change: &'a Change) -> Result<(), Fault> {
        self.fence = change.fence.as_ref();
        for write in &change.writes {
            self.write(write).await?;
        }
        Ok(())
    }

    /// Holds the lease's row until the end of the transaction, so that a later life of the master waits for it.
    /// Whether it is the master's current epoch.
    pub(crate) async fn hold_fence(&mut self, fence: &Fence) -> Result<bool, Fault> {
        let sql = "SELECT epoch FROM @masters WHERE id = $1 AND epoch = $2 AND until IS NOT NULL #hold";
        Ok(self.row(sql, values![fence.master.as_str(), fence.epoch]).await?.is_some())
    }

    async fn write(&mut self, write: &Write) -> Result<(), Fault> {
        match write {
            Write::InsertServer(record) => self.insert_server(record).await,
            Write::UpdateServer { record, expected } => self.update_server(record, *expected).await,
            Write::ObserveServer { id, observation } => self.observe_server(*id, observation).await,
            Write::RemoveServer(id) => self.remove_server(*id).await,
            Write::InsertProject(project) => self.insert_project(project).await,
            Write::UpdateProject { project, expected } => self.update_project(project, *expected).await,
            Write::RemoveProject(id) => self.remove_project(*id).await,
            Write::InsertWorkspace(workspace) => self.insert_workspace(workspace).await,
            Write::DecideWorkspace { id, expected, desired, status, driver, at } => {
                self.decide_workspace(*id, *expected, desired, *status, driver.as_ref(), *at).await
            }
            Write::ObserveWorkspace { id, expected, observed, at } => {
                self.observe_workspace(*id, *expected, observed, *at).await
            }
            Write::AdoptWorkspace(id) => self.adopt_workspace(*id).await,
            &Write::Reserve { server, holder, part, resources, even_if_cordoned: forced } => {
                self.reserve(Claim { server, holder, part, resources, forced }).await
            }
            Write::Release { holder, part } => self.release(*holder, *part).await,
            Write::AllotNetwork { server, workspace, from } => self.allot_network(*server, *workspace, *from).await,
            Write::FreeNetwork(workspace) => self.free_network(*workspace).await,
            Write::Append(event) => self.append(event).await,
            Write::Audit(entry) => self.audit(entry).await,
            Write::InsertJob(job) => self.insert_job(job).await,
            Write::UpdateJob { job, expected } => self.update_job(job, *expected).await,
            Write::CancelJob(id) => self.cancel_job(*id).await,
            Write::AdoptJob(id) => self.adopt_job(*id).await,
            Write::InsertSession(session) => self.insert_session(session).await,
            Write::RemoveSession(id) => self.remove_session(*id).await,
            Write::PutSnapshot(snapshot) => self.put_snapshot(snapshot).await,
            Write::RemoveSnapshot(id) => self.remove_snapshot(*id).await,
            Write::InsertToken(token) => self.insert_token(token).await,
            Write::RevokeToken { id, at } => self.revoke_token(*id, *at).await,
            Write::Remember(record) => self.remember(record).await,
            Write::Prune(horizon) => self.prune(horizon).await,
            other => Err(Fault::Failed(unknown(other))),
        }
    }
}

fn unknown(write: &Write) -> workspace_core::error::Error {
    let message = format!("this store does not know the write {:?}", std::mem::discriminant(write));
    workspace_core::error::Error::new(workspace_core::error::ErrorKind::Unsupported, message)
        .hint("use workspace-sql and workspace-core of the same release")
}
