//! Network numbers for many workspaces.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::values;

/// Numbers are less than this.
const NUMBERS: u32 = 4_096;

/// A number for a workspace that is made in the same transaction.
pub(super) struct Allotment {
    pub(super) server: Uuid,
    pub(super) workspace: Uuid,
    pub(super) from: u32,
}

impl<S: Session> Cursor<'_, S> {
    /// Gives each workspace a number, in order. A server that is out of numbers is for the changes alone.
    pub(super) async fn allot_networks(&mut self, wanted: &[Allotment]) -> Result<Vec<u32>, Fault> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let servers: BTreeSet<_> = wanted.iter().map(|allotment| allotment.server).collect();
        let mut taken: BTreeMap<Uuid, BTreeSet<u32>> = BTreeMap::new();
        for mut row in self.rows_among("SELECT server, slot FROM @network_slots", "server", servers, "").await? {
            taken.entry(row.id()?).or_default().insert(u32::try_from(row.count()?).unwrap_or(u32::MAX));
        }
        let mut given = Vec::with_capacity(wanted.len());
        for allotment in wanted {
            let taken = taken.entry(allotment.server).or_default();
            let slot = first_free(taken, allotment.from).ok_or(Fault::Again(None))?;
            taken.insert(slot);
            given.push(slot);
        }
        let row = |(allotment, slot): (&Allotment, &u32)| values![allotment.server, *slot, allotment.workspace];
        let rows = wanted.iter().zip(&given).map(row).collect();
        self.insert_rows("@network_slots (server, slot, workspace)", rows).await?;
        Ok(given)
    }
}

/// The first that is not taken, from `from` on, beginning anew at 0 after the last.
fn first_free(taken: &BTreeSet<u32>, from: u32) -> Option<u32> {
    (from..NUMBERS).chain(0..from.min(NUMBERS)).find(|slot| !taken.contains(slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_begins_anew_after_the_last_number() {
        assert_eq!(first_free(&BTreeSet::new(), 7), Some(7));
        assert_eq!(first_free(&[7, 8].into(), 7), Some(9));
        assert_eq!(first_free(&[4_095].into(), 4_095), Some(0));
        assert_eq!(first_free(&BTreeSet::new(), 9_999), Some(0), "a place that is none is the beginning");
        assert_eq!(first_free(&(0..NUMBERS).collect(), 7), None);
    }
}
