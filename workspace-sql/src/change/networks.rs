//! Allotment of network numbers.

use workspace_core::id::{ServerId, WorkspaceId};
use workspace_core::port::Refused;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::values;

/// Takes the first free number from `$3` on, or from 0 on, for a workspace that is no tombstone and has none. Only
/// where the search begins and behind a taken number can be the first free one.
const TAKE: &str = "INSERT INTO @network_slots (server, slot, workspace) SELECT $1, free.slot, w.id FROM \
    (SELECT id FROM @workspaces WHERE id = $2 AND status <> 'deleted' #lock) w, \
    (SELECT slot FROM \
        (SELECT CAST($3 AS bigint) AS slot UNION SELECT CAST(0 AS bigint) UNION \
            SELECT CAST(slot + 1 AS bigint) FROM @network_slots WHERE server = $1) places \
        WHERE slot < 4096 AND NOT EXISTS \
            (SELECT 1 FROM @network_slots taken WHERE taken.server = $1 AND taken.slot = places.slot) \
        ORDER BY CASE WHEN slot < CAST($3 AS bigint) THEN 1 ELSE 0 END, slot LIMIT 1) free \
    WHERE NOT EXISTS (SELECT 1 FROM @network_slots WHERE workspace = $2) RETURNING slot";

impl<S: Session> Cursor<'_, S> {
    pub(crate) async fn allot_network(
        &mut self,
        server: ServerId,
        workspace: WorkspaceId,
        from: u32,
    ) -> Result<(), Fault> {
        let from = u64::from(from);
        let (on, whom) = (server.as_uuid(), workspace.as_uuid());
        // The server's row is the lock under which its numbers are given.
        if self.locked_server != Some(on) {
            let locked = self.row("SELECT id FROM @servers WHERE id = $1 #lock", values![on]).await?;
            locked.ok_or(Refused::NotFound)?;
        }
        if let Some(mut row) = self.row(TAKE, values![on, whom, from]).await? {
            self.gave(row.count()?);
            return Ok(());
        }
        let sql = "SELECT id FROM @workspaces WHERE id = $1 AND status <> 'deleted'";
        self.row(sql, values![whom]).await?.ok_or(Refused::NotFound)?;
        let sql = "SELECT server, slot FROM @network_slots WHERE workspace = $1";
        let Some(mut held) = self.row(sql, values![whom]).await? else {
            return Err(Refused::Capacity { dimension: None }.into());
        };
        if held.id()? == on {
            self.gave(held.count()?);
            return Ok(());
        }
        self.free_network(workspace).await?;
        let mut row = self.row(TAKE, values![on, whom, from]).await?.ok_or(Refused::Capacity { dimension: None })?;
        self.gave(row.count()?);
        Ok(())
    }

    pub(crate) async fn free_network(&mut self, workspace: WorkspaceId) -> Result<(), Fault> {
        let sql = "DELETE FROM @network_slots WHERE workspace = $1";
        self.rows(sql, values![workspace.as_uuid()]).await.map(|_| ())
    }

    fn gave(&mut self, slot: u64) {
        self.outcome.network_slot = u32::try_from(slot).ok();
    }
}
