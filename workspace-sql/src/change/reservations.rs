//! Claims and releases of capacity.

use uuid::Uuid;
use workspace_core::id::ServerId;
use workspace_core::model::{ReservationPart, Scheduling};
use workspace_core::port::Refused;
use workspace_core::resources::Resources;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::rows::{AMOUNTS, amounts, scheduling_name};
use crate::value::{Value, values};

/// The guarded claim. Zero fits also where more is held than a lowered limit allows; the subtraction cannot overflow.
/// It never writes a ceiling: the table's CHECK stands behind this guard.
const CLAIM: &str = "UPDATE @servers SET ledger_seq = ledger_seq + 1, reserved_cpu = reserved_cpu + $2, \
    reserved_memory = reserved_memory + $3, reserved_disk = reserved_disk + $4, \
    reserved_slots = reserved_slots + $5, reserved_gpus = reserved_gpus + $6 \
    WHERE id = $1 AND (scheduling = 'active' OR $7 = 1) \
    AND ($2 = 0 OR $2 <= limit_cpu - reserved_cpu) AND ($3 = 0 OR $3 <= limit_memory - reserved_memory) \
    AND ($4 = 0 OR $4 <= limit_disk - reserved_disk) AND ($5 = 0 OR $5 <= limit_slots - reserved_slots) \
    AND ($6 = 0 OR $6 <= limit_gpus - reserved_gpus)";

const HELD: &str = "SELECT server FROM @reservations WHERE holder = $1 AND part = $2 AND released_seq IS NULL";

/// The table of claims with the columns that a claim writes.
pub(crate) const RESERVATIONS: &str =
    "@reservations (server, cpu, memory, disk, slots, gpus, holder, part, claimed_seq)";

/// Gives back and lowers the ceiling to the limit or what is still held above it.
const GIVE_BACK: &str = "UPDATE @servers SET ledger_seq = ledger_seq + 1, reserved_cpu = reserved_cpu - $2, \
    reserved_memory = reserved_memory - $3, reserved_disk = reserved_disk - $4, \
    reserved_slots = reserved_slots - $5, reserved_gpus = reserved_gpus - $6, \
    ceiling_cpu = #greatest(limit_cpu, reserved_cpu - $2), \
    ceiling_memory = #greatest(limit_memory, reserved_memory - $3), \
    ceiling_disk = #greatest(limit_disk, reserved_disk - $4), \
    ceiling_slots = #greatest(limit_slots, reserved_slots - $5), \
    ceiling_gpus = #greatest(limit_gpus, reserved_gpus - $6) WHERE id = $1 RETURNING ledger_seq";

/// A wish for capacity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) server: ServerId,
    pub(crate) holder: Uuid,
    pub(crate) part: ReservationPart,
    pub(crate) resources: Resources,
    /// Whether a server that takes no new work will do.
    pub(crate) forced: bool,
}

impl<S: Session> Cursor<'_, S> {
    pub(crate) async fn reserve(&mut self, claim: Claim) -> Result<(), Fault> {
        let held = if self.dialect.locks_rows {
            self.claim_at_once(&claim).await?
        } else {
            self.claim_step_by_step(&claim).await?
        };
        match held {
            Some(on) if on == claim.server.as_uuid() => Ok(()),
            Some(_) => Err(Refused::InUse.into()),
            None => Err(self.why_not(&claim).await?),
        }
    }

    /// Guard, claim and ledger in one statement and one round trip. Answers where the part is held in the end.
    async fn claim_at_once(&mut self, claim: &Claim) -> Result<Option<Uuid>, Fault> {
        let sql = format!(
            "WITH held AS ({}), claimed AS ({CLAIM} AND NOT EXISTS (SELECT 1 FROM held) RETURNING ledger_seq), \
             recorded AS (INSERT INTO {RESERVATIONS} SELECT $1, $2, $3, $4, $5, $6, $8, $9, ledger_seq FROM claimed RETURNING server) \
             SELECT server, 0 FROM held UNION ALL SELECT server, 1 FROM recorded",
            HELD.replace("$1", "$8").replace("$2", "$9"),
        );
        let mut values = claim.amounts();
        values.extend(values![claim.forced, claim.holder, claim.part.name()]);
        let Some(mut row) = self.row(&sql, values).await? else { return Ok(None) };
        let server = row.id()?;
        if row.flag()? {
            self.locked_server = Some(server);
        }
        Ok(Some(server))
    }

    /// The same where a statement cannot write two tables and no other transaction is under way.
    async fn claim_step_by_step(&mut self, claim: &Claim) -> Result<Option<Uuid>, Fault> {
        if let Some(mut row) = self.row(HELD, values![claim.holder, claim.part.name()]).await? {
            return Ok(Some(row.id()?));
        }
        let mut values = claim.amounts();
        values.extend(values![claim.forced]);
        let Some(mut row) = self.row(&format!("{CLAIM} RETURNING ledger_seq"), values).await? else { return Ok(None) };
        let mut values = claim.amounts();
        values.extend(values![claim.holder, claim.part.name(), row.count()?]);
        self.rows(&format!("INSERT INTO {RESERVATIONS} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"), values).await?;
        Ok(Some(claim.server.as_uuid()))
    }

    /// Why a claim found no room. When there is room by now, another transaction was faster: try again.
    async fn why_not(&mut self, claim: &Claim) -> Result<Fault, Fault> {
        let columns = ["limit", "reserved"].map(|kind| AMOUNTS.map(|name| format!("{kind}_{name}")).join(", "));
        let sql = format!("SELECT scheduling, {} FROM @servers WHERE id = $1 #lock", columns.join(", "));
        let Some(mut row) = self.row(&sql, values![claim.server.as_uuid()]).await? else {
            return Ok(Refused::ServerClosed.into());
        };
        if row.text()? != scheduling_name(Scheduling::Active) && !claim.forced {
            return Ok(Refused::ServerClosed.into());
        }
        let limits = crate::rows::resources(&mut row)?;
        let reserved = crate::rows::resources(&mut row)?;
        let dimension = claim.resources.first_over(&limits.minus(reserved));
        Ok(match dimension {
            Some(_) => Refused::Capacity { dimension }.into(),
            None => Fault::Again(None),
        })
    }

    pub(crate) async fn release(&mut self, holder: Uuid, part: ReservationPart) -> Result<(), Fault> {
        if self.dialect.locks_rows {
            // The ledger of a server changes only under the server's row.
            let sql = "SELECT id FROM @servers WHERE id IN (SELECT server FROM @reservations \
                       WHERE holder = $1 AND part = $2 AND released_seq IS NULL) FOR UPDATE";
            self.rows(sql, values![holder, part.name()]).await?;
        }
        let columns = AMOUNTS.join(", ");
        let sql = format!(
            "SELECT server, claimed_seq, {columns} FROM @reservations \
             WHERE holder = $1 AND part = $2 AND released_seq IS NULL"
        );
        let Some(mut row) = self.row(&sql, values![holder, part.name()]).await? else { return Ok(()) };
        let (server, claimed) = (row.id()?, row.count()?);
        let mut values = values![server];
        values.extend(amounts(crate::rows::resources(&mut row)?));
        // A ledger without its server cannot be live: servers with live reservations stay.
        let Some(mut row) = self.row(GIVE_BACK, values).await? else { return Ok(()) };
        let sql = "UPDATE @reservations SET released_seq = $3 WHERE server = $1 AND claimed_seq = $2";
        self.rows(sql, values![server, claimed, row.count()?]).await.map(|_| ())
    }
}

impl Claim {
    /// The server and the amounts: `$1` to `$6`.
    fn amounts(&self) -> Vec<Value> {
        let mut values = values![self.server.as_uuid()];
        values.extend(amounts(self.resources));
        values
    }
}
