//! Claims and releases of capacity.

use std::collections::btree_map::Entry;

use uuid::Uuid;

use super::change::Transaction;
use crate::id::ServerId;
use crate::model::{Reservation, ReservationPart, Scheduling};
use crate::port::Refused;
use crate::resources::Resources;

impl Transaction<'_> {
    pub(super) fn reserve(
        &mut self,
        server: ServerId,
        holder: Uuid,
        part: ReservationPart,
        resources: Resources,
        even_if_cordoned: bool,
    ) -> Result<(), Refused> {
        let entry = match self.tables.held.entry((holder, part)) {
            Entry::Occupied(held) if held.get().0 == server => return Ok(()),
            Entry::Occupied(_) => return Err(Refused::InUse),
            Entry::Vacant(entry) => entry,
        };
        let row = self.tables.servers.get_mut(&server).ok_or(Refused::ServerClosed)?;
        if !even_if_cordoned && row.record.scheduling != Scheduling::Active {
            return Err(Refused::ServerClosed);
        }
        let free = row.record.limits().minus(row.reserved);
        if let Some(dimension) = resources.first_over(&free) {
            return Err(Refused::Capacity { dimension: Some(dimension) });
        }
        row.reserved = row.reserved.plus(resources);
        let ledger = self.tables.ledgers.entry(server).or_default();
        ledger.seq += 1;
        entry.insert((server, ledger.rows.len()));
        ledger.rows.push(Reservation { server, holder, part, resources, claimed_seq: ledger.seq, released_seq: None });
        self.on_undo(move |tables| {
            tables.held.remove(&(holder, part));
            if let Some(row) = tables.servers.get_mut(&server) {
                row.reserved = row.reserved.minus(resources);
            }
            if let Some(ledger) = tables.ledgers.get_mut(&server) {
                ledger.rows.pop();
                ledger.seq -= 1;
            }
        });
        Ok(())
    }

    pub(super) fn release(&mut self, holder: Uuid, part: ReservationPart) {
        let Some((server, index)) = self.tables.held.remove(&(holder, part)) else { return };
        let Some(ledger) = self.tables.ledgers.get_mut(&server) else { return };
        let Some(reservation) = ledger.rows.get_mut(index) else { return };
        ledger.seq += 1;
        reservation.released_seq = Some(ledger.seq);
        let resources = reservation.resources;
        if let Some(row) = self.tables.servers.get_mut(&server) {
            row.reserved = row.reserved.minus(resources);
        }
        self.on_undo(move |tables| {
            tables.held.insert((holder, part), (server, index));
            if let Some(row) = tables.servers.get_mut(&server) {
                row.reserved = row.reserved.plus(resources);
            }
            if let Some(ledger) = tables.ledgers.get_mut(&server) {
                ledger.seq -= 1;
                if let Some(reservation) = ledger.rows.get_mut(index) {
                    reservation.released_seq = None;
                }
            }
        });
    }
}
