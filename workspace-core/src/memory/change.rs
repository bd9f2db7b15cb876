//! A change and its undo log.

use std::fmt;

use super::tables::Tables;
use crate::clock::Timestamp;
use crate::model::Fence;
use crate::port::{Change, Outcome, Refused, Write};

/// How to take one write back.
type Undo = Box<dyn FnOnce(&mut Tables) + Send>;

/// One change under way: what it wrote so far can be taken back.
pub(super) struct Transaction<'a> {
    pub(super) tables: &'a mut Tables,
    pub(super) now: Timestamp,
    pub(super) fence: Option<&'a Fence>,
    pub(super) outcome: Outcome,
    undo: Vec<Undo>,
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("fence", &self.fence).field("writes", &self.undo.len()).finish()
    }
}

impl Transaction<'_> {
    /// Carries a change out, wholly or not at all.
    pub(super) fn run(tables: &mut Tables, now: Timestamp, change: &Change) -> Result<Outcome, Refused> {
        let fence = change.fence.as_ref();
        if fence.is_some_and(|fence| !tables.is_current(fence)) {
            return Err(Refused::Fenced);
        }
        let mut transaction = Transaction {
            tables,
            now,
            fence,
            outcome: Outcome::default(),
            undo: Vec::with_capacity(change.writes.len()),
        };
        for write in &change.writes {
            if let Err(refused) = transaction.write(write) {
                transaction.roll_back();
                return Err(refused);
            }
        }
        Ok(transaction.outcome)
    }

    /// Notes how to take back what was just written.
    pub(super) fn on_undo(&mut self, undo: impl FnOnce(&mut Tables) + Send + 'static) {
        self.undo.push(Box::new(undo));
    }

    fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            undo(self.tables);
        }
    }

    fn write(&mut self, write: &Write) -> Result<(), Refused> {
        match write {
            Write::InsertServer(record) => self.insert_server(record),
            Write::UpdateServer { record, expected } => self.update_server(record, *expected),
            Write::ObserveServer { id, observation } => self.observe_server(*id, observation),
            Write::RemoveServer(id) => self.remove_server(*id),
            Write::InsertProject(project) => self.insert_project(project),
            Write::UpdateProject { project, expected } => self.update_project(project, *expected),
            Write::RemoveProject(id) => self.remove_project(*id),
            Write::InsertWorkspace(workspace) => self.insert_workspace(workspace),
            Write::DecideWorkspace { id, expected, desired, status, driver, at } => {
                self.decide_workspace(*id, *expected, desired, *status, driver.as_ref(), *at)
            }
            Write::ObserveWorkspace { id, expected, observed, at } => {
                self.observe_workspace(*id, *expected, observed, *at)
            }
            Write::AdoptWorkspace(id) => self.adopt_workspace(*id),
            Write::Reserve { server, holder, part, resources, even_if_cordoned } => {
                self.reserve(*server, *holder, *part, *resources, *even_if_cordoned)
            }
            Write::Release { holder, part } => {
                self.release(*holder, *part);
                Ok(())
            }
            Write::AllotNetwork { server, workspace, from } => self.allot_network(*server, *workspace, *from),
            Write::FreeNetwork(workspace) => {
                self.free_network(*workspace);
                Ok(())
            }
            Write::Append(event) => {
                self.append(event);
                Ok(())
            }
            Write::Audit(entry) => {
                self.audit(entry);
                Ok(())
            }
            Write::InsertJob(job) => self.insert_job(job),
            Write::UpdateJob { job, expected } => self.update_job(job, *expected),
            Write::CancelJob(id) => self.cancel_job(*id),
            Write::AdoptJob(id) => self.adopt_job(*id),
            Write::InsertSession(session) => self.insert_session(session),
            Write::RemoveSession(id) => self.remove_session(*id),
            Write::PutSnapshot(snapshot) => {
                self.put_snapshot(snapshot);
                Ok(())
            }
            Write::RemoveSnapshot(id) => {
                self.remove_snapshot(*id);
                Ok(())
            }
            Write::InsertToken(token) => self.insert_token(token),
            Write::RevokeToken { id, at } => self.revoke_token(*id, *at),
            Write::Remember(record) => self.remember(record),
            Write::Prune(horizon) => {
                self.prune(horizon);
                Ok(())
            }
        }
    }
}
