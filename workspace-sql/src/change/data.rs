//! Writes of sessions and snapshots.

use workspace_core::id::{SessionId, SnapshotId};
use workspace_core::model::{Session as SessionRow, Snapshot};
use workspace_core::port::Refused;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::{json, values};

impl<S: Session> Cursor<'_, S> {
    pub(crate) async fn insert_session(&mut self, session: &SessionRow) -> Result<(), Fault> {
        let sql = "INSERT INTO @sessions (id, owner, project, record) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT DO NOTHING RETURNING id";
        let (id, project) = (session.id.as_uuid(), session.project.as_uuid());
        let row = self.row(sql, values![id, session.owner.as_str(), project, json(session)?]).await?;
        row.map(|_| ()).ok_or(Fault::Refused(Refused::NameTaken))
    }

    pub(crate) async fn remove_session(&mut self, id: SessionId) -> Result<(), Fault> {
        let id = id.as_uuid();
        let sql = "SELECT id FROM @jobs WHERE session = $1 AND finished = 0";
        if self.row(sql, values![id]).await?.is_some() {
            return Err(Refused::InUse.into());
        }
        for table in ["@events WHERE parent", "@streams WHERE parent", "@sessions WHERE id"] {
            self.rows(&format!("DELETE FROM {table} = $1"), values![id]).await?;
        }
        Ok(())
    }

    pub(crate) async fn put_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), Fault> {
        let sql = "INSERT INTO @snapshots (id, owner, project, record) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (id) DO UPDATE SET owner = $2, project = $3, record = $4";
        let (id, project) = (snapshot.id.as_uuid(), snapshot.project.as_uuid());
        self.rows(sql, values![id, snapshot.owner.as_str(), project, json(snapshot)?]).await.map(|_| ())
    }

    pub(crate) async fn remove_snapshot(&mut self, id: SnapshotId) -> Result<(), Fault> {
        self.rows("DELETE FROM @snapshots WHERE id = $1", values![id.as_uuid()]).await.map(|_| ())
    }
}
