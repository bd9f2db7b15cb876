//! Network numbers for many workspaces.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::{Value, values};

/// Numbers are less than this.
const NUMBERS: u32 = 4_096;

/// The first free numbers of each server from where its search begins, beginning anew at 0. As many places are looked
/// at as there are numbers taken and wanted: so many are enough.
const FREE: &str = "SELECT wanted.server, free.slot FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) \
    AS wanted (server, first, count), LATERAL (SELECT places.slot FROM \
        (SELECT nth, (wanted.first + nth) % 4096 AS slot FROM generate_series(0, least(4095, wanted.count - 1 + \
            (SELECT count(*) FROM @network_slots taken WHERE taken.server = wanted.server))) nth) places \
        WHERE NOT EXISTS (SELECT 1 FROM @network_slots taken \
            WHERE taken.server = wanted.server AND taken.slot = places.slot) \
        ORDER BY places.nth LIMIT wanted.count) free ORDER BY wanted.server";

/// A number for a workspace that is made in the same transaction.
pub(super) struct Allotment {
    pub(super) server: Uuid,
    pub(super) workspace: Uuid,
    pub(super) from: u32,
}

impl<S: Session> Cursor<'_, S> {
    /// Gives each workspace a number, in order. Out of numbers, or searches of one server that begin in several places,
    /// are for the changes alone.
    pub(super) async fn allot_networks(&mut self, wanted: &[Allotment]) -> Result<Vec<u32>, Fault> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut servers: BTreeMap<Uuid, (u32, u64)> = BTreeMap::new();
        for allotment in wanted {
            let from = if allotment.from < NUMBERS { allotment.from } else { 0 };
            let (first, count) = servers.entry(allotment.server).or_insert((from, 0));
            if *first != from {
                return Err(Fault::Again(None));
            }
            *count += 1;
        }
        let values = vec![
            Value::ids(servers.keys().copied()),
            Value::ints(servers.values().map(|(from, _)| u64::from(*from))),
            Value::ints(servers.values().map(|(_, count)| *count)),
        ];
        let mut free: BTreeMap<Uuid, Vec<u32>> = BTreeMap::new();
        for mut row in self.rows(FREE, values).await? {
            free.entry(row.id()?).or_default().push(u32::try_from(row.count()?).unwrap_or(u32::MAX));
        }
        let mut free: BTreeMap<_, _> = free.into_iter().map(|(server, slots)| (server, slots.into_iter())).collect();
        let mut given = Vec::with_capacity(wanted.len());
        for allotment in wanted {
            given.push(free.get_mut(&allotment.server).and_then(Iterator::next).ok_or(Fault::Again(None))?);
        }
        let row = |(allotment, slot): (&Allotment, &u32)| values![allotment.server, *slot, allotment.workspace];
        let rows = wanted.iter().zip(&given).map(row).collect();
        self.insert_rows("@network_slots (server, slot, workspace)", rows).await?;
        Ok(given)
    }
}
