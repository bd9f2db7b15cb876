//! Running intervals.

use workspace_core::clock::Timestamp;
use workspace_core::model::{Running, UsageEnd, Workspace};

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::rows::amounts;
use crate::value::values;

/// The open interval of a workspace ends, never before it began.
const END: &str =
    "UPDATE @usage SET ended = #greatest($2, began), ended_by = $3 WHERE workspace = $1 AND ended IS NULL";

/// The next interval of a workspace begins, never before the last ended.
const BEGIN: &str = "INSERT INTO @usage (workspace, seq, owner, server, generation, cpu, memory, disk, slots, gpus, \
    began) SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, \
    #greatest($10, coalesce(max(ended), $10)) FROM @usage WHERE workspace = $1";

impl<S: Session> Cursor<'_, S> {
    /// Ends and begins intervals after a write of a workspace's row, which is locked and of which `before` ran until
    /// then.
    pub(super) async fn follow_usage(
        &mut self,
        before: Option<Running>,
        row: &Workspace,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let (id, after) = (row.id.as_uuid(), Running::of(row));
        if after == before {
            return Ok(());
        }
        if before.is_some() {
            self.rows(END, values![id, at, UsageEnd::of(row).name()]).await?;
        }
        let Some(Running { server, generation, resources }) = after else { return Ok(()) };
        let mut values = values![id, row.owner.as_str(), server.as_uuid(), generation];
        values.extend(amounts(resources));
        values.extend(values![at]);
        self.rows(BEGIN, values).await.map(|_| ())
    }
}
