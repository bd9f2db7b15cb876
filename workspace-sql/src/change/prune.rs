//! Forgets what need not be known any more.

use workspace_core::port::Horizon;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::values;

/// One look at the first event of each parent, and no more of those that have nothing old.
const EVENTS: &str = "WITH old AS (SELECT s.parent AS parent, (SELECT e.seq FROM @events e WHERE e.parent = s.parent \
        AND (e.at >= $1 OR e.seq = s.last_seq) ORDER BY e.seq LIMIT 1) AS kept FROM @streams s \
        WHERE (SELECT e.at FROM @events e WHERE e.parent = s.parent ORDER BY e.seq LIMIT 1) < $1 \
        AND NOT EXISTS (SELECT 1 FROM @sessions WHERE id = s.parent)) \
    DELETE FROM @events WHERE (parent, seq) IN \
        (SELECT e.parent, e.seq FROM old JOIN @events e ON e.parent = old.parent AND e.seq < old.kept)";

const AUDIT: &str = "DELETE FROM @audit WHERE at < $1";

const ANSWERS: &str = "DELETE FROM @idempotency WHERE at < $1";

const RESERVATIONS: &str = "DELETE FROM @reservations WHERE released_seq <= \
    (SELECT s.ledger_seq - $1 FROM @servers s WHERE s.id = server)";

impl<S: Session> Cursor<'_, S> {
    pub(crate) async fn prune(&mut self, horizon: &Horizon) -> Result<(), Fault> {
        self.rows(EVENTS, values![horizon.events]).await?;
        self.rows(AUDIT, values![horizon.audit]).await?;
        self.rows(ANSWERS, values![horizon.answers]).await?;
        self.rows(RESERVATIONS, values![horizon.ledger_changes]).await?;
        Ok(())
    }
}
