//! The right to act, on the database's clock.

use std::time::Duration;

use workspace_core::clock::Timestamp;
use workspace_core::error::Result;
use workspace_core::id::MasterId;
use workspace_core::model::{Fence, Lease};

use super::Store;
use crate::backend::Backend;
use crate::value::{Row, broken, values};

impl<B: Backend> Store<B> {
    pub(crate) async fn acquire_lease(&self, master: &MasterId, ttl: Duration) -> Result<Lease> {
        // Changes hold their master's row: with this lock the earlier life has no change under way when the next
        // begins.
        let lock = "SELECT epoch FROM @masters WHERE id = $1 #lock";
        let next = "INSERT INTO @masters AS m (id, epoch, until) VALUES ($1, 1, #now + $2) ON CONFLICT (id) \
                    DO UPDATE SET epoch = m.epoch + 1, until = #now + $2 RETURNING epoch, until, until - $2";
        let id = master.as_str();
        let row = self.write(&[(lock, values![id]), (next, values![id, micros(ttl)])]).await?;
        self.lease(master, row.ok_or_else(|| broken("no lease"))?).await
    }

    pub(crate) async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<Option<Lease>> {
        let sql = "UPDATE @masters SET until = #now + $3 WHERE id = $1 AND epoch = $2 AND until IS NOT NULL \
                   RETURNING epoch, until, until - $3";
        let row = self.write(&[(sql, values![fence.master.as_str(), fence.epoch, micros(ttl)])]).await?;
        match row {
            Some(row) => self.lease(&fence.master, row).await.map(Some),
            None => Ok(None),
        }
    }

    pub(crate) async fn release_lease(&self, fence: &Fence) -> Result<()> {
        let sql = "UPDATE @masters SET until = NULL WHERE id = $1 AND epoch = $2";
        self.write(&[(sql, values![fence.master.as_str(), fence.epoch])]).await.map(drop)
    }

    /// A lease that was given, with the other masters of a moment later.
    async fn lease(&self, master: &MasterId, mut row: Row) -> Result<Lease> {
        let fence = Fence { master: master.clone(), epoch: row.count()? };
        let (until, store_now) = (row.moment()?, row.moment()?);
        let live = self.read("SELECT id FROM @masters WHERE until > #now OR id = $1", values![master.as_str()]).await?;
        let live = live.into_iter().map(|mut row| row.text().map(MasterId::new));
        let mut masters: Vec<MasterId> = live.collect::<Result<_>>()?;
        // Databases have orders of their own.
        masters.sort_unstable();
        Ok(Lease { fence, until, store_now, masters })
    }
}

fn micros(ttl: Duration) -> i64 {
    // A hundred years are for ever; adding them to now stays in range.
    const LONGEST: i64 = 100 * 366 * 24 * 3_600 * 1_000_000;
    Timestamp::default().plus(ttl).as_micros().min(LONGEST)
}
