//! Writes of servers.

use workspace_core::id::ServerId;
use workspace_core::model::{Scheduling, ServerObservation, ServerRecord};
use workspace_core::port::Refused;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::rows::{SealedRecord, amounts, scheduling_name};
use crate::value::{json, values};

/// The ledger goes on where an earlier server of this id left it.
const INSERT: &str = "INSERT INTO @servers (id, name, scheduling, revision, record, sealed, observation, ledger_seq, \
    limit_cpu, limit_memory, limit_disk, limit_slots, limit_gpus, \
    ceiling_cpu, ceiling_memory, ceiling_disk, ceiling_slots, ceiling_gpus) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, (SELECT coalesce(max(coalesce(released_seq, claimed_seq)), 0) \
    FROM @reservations WHERE server = $1), $8, $9, $10, $11, $12, $8, $9, $10, $11, $12) \
    ON CONFLICT DO NOTHING RETURNING id";

/// A ceiling is the new limit or, above it, what is still held.
const UPDATE: &str = "UPDATE @servers SET name = $2, scheduling = $3, revision = $4, record = $5, sealed = $6, \
    limit_cpu = $7, limit_memory = $8, limit_disk = $9, limit_slots = $10, limit_gpus = $11, \
    ceiling_cpu = #greatest($7, reserved_cpu), ceiling_memory = #greatest($8, reserved_memory), \
    ceiling_disk = #greatest($9, reserved_disk), ceiling_slots = #greatest($10, reserved_slots), \
    ceiling_gpus = #greatest($11, reserved_gpus) WHERE id = $1";

impl<S: Session> Cursor<'_, S> {
    pub(crate) async fn insert_server(&mut self, record: &ServerRecord) -> Result<(), Fault> {
        let written = SealedRecord::new(self.vault, record)?;
        let mut values = values![
            record.id.as_uuid(),
            record.spec.name.as_str(),
            scheduling_name(record.scheduling),
            record.revision,
            written.text,
            written.sealed,
            json(&ServerObservation::default())?,
        ];
        values.extend(amounts(record.limits()));
        self.row(INSERT, values).await?.map(|_| ()).ok_or(Fault::Refused(Refused::NameTaken))
    }

    pub(crate) async fn update_server(&mut self, record: &ServerRecord, expected: u64) -> Result<(), Fault> {
        let id = record.id.as_uuid();
        let row = self.row("SELECT revision FROM @servers WHERE id = $1 #lock", values![id]).await?;
        let current = row.ok_or(Refused::NotFound)?.count()?;
        if current != expected {
            return Err(Refused::Stale { current }.into());
        }
        let sql = "SELECT id FROM @servers WHERE name = $1 AND id <> $2";
        if self.row(sql, values![record.spec.name.as_str(), id]).await?.is_some() {
            return Err(Refused::NameTaken.into());
        }
        let record = ServerRecord { revision: expected + 1, ..record.clone() };
        let written = SealedRecord::new(self.vault, &record)?;
        let mut values = values![
            id,
            record.spec.name.as_str(),
            scheduling_name(record.scheduling),
            record.revision,
            written.text,
            written.sealed,
        ];
        values.extend(amounts(record.limits()));
        self.rows(UPDATE, values).await.map(|_| ())
    }

    pub(crate) async fn observe_server(&mut self, id: ServerId, seen: &ServerObservation) -> Result<(), Fault> {
        let sql = "UPDATE @servers SET observation = $2 WHERE id = $1 RETURNING id";
        let row = self.row(sql, values![id.as_uuid(), json(seen)?]).await?;
        row.map(|_| ()).ok_or(Fault::Refused(Refused::NotFound))
    }

    pub(crate) async fn remove_server(&mut self, id: ServerId) -> Result<(), Fault> {
        let id = id.as_uuid();
        let row = self.row("SELECT scheduling FROM @servers WHERE id = $1 #lock", values![id]).await?;
        if row.ok_or(Refused::NotFound)?.text()? == scheduling_name(Scheduling::Active) {
            return Err(Refused::InUse.into());
        }
        let sql = "SELECT 1 WHERE EXISTS (SELECT 1 FROM @reservations WHERE server = $1 AND released_seq IS NULL) \
                   OR EXISTS (SELECT 1 FROM @workspaces WHERE server = $1 AND status <> 'deleted')";
        if self.row(sql, values![id]).await?.is_some() {
            return Err(Refused::InUse.into());
        }
        self.rows("DELETE FROM @network_slots WHERE server = $1", values![id]).await?;
        self.rows("DELETE FROM @servers WHERE id = $1", values![id]).await.map(|_| ())
    }
}
