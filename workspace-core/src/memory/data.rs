//! Writes of sessions and snapshots.

use super::change::Transaction;
use crate::id::{SessionId, SnapshotId};
use crate::model::{Session, Snapshot};
use crate::port::Refused;

impl Transaction<'_> {
    pub(super) fn insert_session(&mut self, session: &Session) -> Result<(), Refused> {
        let id = session.id;
        if self.tables.sessions.contains_key(&id) {
            return Err(Refused::NameTaken);
        }
        self.tables.sessions.insert(id, session.clone());
        self.on_undo(move |tables| {
            tables.sessions.remove(&id);
        });
        Ok(())
    }

    pub(super) fn remove_session(&mut self, id: SessionId) -> Result<(), Refused> {
        let at_work = |job| self.tables.jobs.get(job).is_some_and(|job| job.session == Some(id));
        if self.tables.unfinished.iter().any(at_work) {
            return Err(Refused::InUse);
        }
        let (session, events) = (self.tables.sessions.remove(&id), self.tables.events.remove(&id.as_uuid()));
        self.on_undo(move |tables| {
            tables.sessions.extend(session.map(|session| (id, session)));
            tables.events.extend(events.map(|events| (id.as_uuid(), events)));
        });
        Ok(())
    }

    pub(super) fn put_snapshot(&mut self, snapshot: &Snapshot) {
        let id = snapshot.id;
        let old = self.tables.snapshots.insert(id, snapshot.clone());
        self.restore_snapshot(id, old);
    }

    pub(super) fn remove_snapshot(&mut self, id: SnapshotId) {
        let old = self.tables.snapshots.remove(&id);
        self.restore_snapshot(id, old);
    }

    fn restore_snapshot(&mut self, id: SnapshotId, old: Option<Snapshot>) {
        self.on_undo(move |tables| {
            match old {
                Some(old) => tables.snapshots.insert(id, old),
                None => tables.snapshots.remove(&id),
            };
        });
    }
}
