//! Forgets what need not be known any more.

use uuid::Uuid;

use super::change::Transaction;
use super::tables::{Ledger, Tables};
use crate::event::Event;
use crate::id::{ServerId, SessionId};
use crate::model::Reservation;
use crate::port::Horizon;

impl Transaction<'_> {
    pub(super) fn prune(&mut self, horizon: &Horizon) {
        self.prune_events(horizon);
        self.prune_audit(horizon);
        self.prune_answers(horizon);
        self.prune_ledgers(horizon);
    }

    fn prune_events(&mut self, horizon: &Horizon) {
        let sessions = &self.tables.sessions;
        let mut pruned: Vec<(Uuid, Vec<Event>)> = Vec::new();
        for (parent, events) in &mut self.tables.events {
            if sessions.contains_key(&SessionId::from_uuid(*parent)) {
                continue;
            }
            let old = events.iter().take_while(|event| event.at < horizon.events).count();
            let old = old.min(events.len().saturating_sub(1));
            if old > 0 {
                pruned.push((*parent, events.drain(..old).collect()));
            }
        }
        self.on_undo(move |tables| {
            for (parent, old) in pruned {
                tables.events.entry(parent).or_default().splice(..0, old);
            }
        });
    }

    fn prune_audit(&mut self, horizon: &Horizon) {
        let old: Vec<_> = self.tables.audit.extract_if(.., |_, entry| entry.at < horizon.audit).collect();
        self.on_undo(move |tables| tables.audit.extend(old));
    }

    fn prune_answers(&mut self, horizon: &Horizon) {
        let old = self.tables.remembered.extract_if(.., |_, record| record.at < horizon.answers);
        let old: Vec<_> = old.collect();
        self.on_undo(move |tables| tables.remembered.extend(old));
    }

    fn prune_ledgers(&mut self, horizon: &Horizon) {
        let servers: Vec<ServerId> = self.tables.servers.keys().copied().collect();
        for server in servers {
            let Some(ledger) = self.tables.ledgers.get(&server) else { continue };
            let last = ledger.seq.saturating_sub(horizon.ledger_changes);
            let is_old = |row: &&Reservation| row.released_seq.is_some_and(|seq| seq <= last);
            if !ledger.rows.iter().any(|row| is_old(&row)) {
                continue;
            }
            let rows = ledger.rows.iter().filter(|row| !is_old(row)).cloned().collect();
            let kept = Ledger { seq: ledger.seq, rows };
            let old = self.tables.put_ledger(server, kept);
            self.on_undo(move |tables| {
                tables.put_ledger(server, old);
            });
        }
    }
}

impl Tables {
    /// Replaces a ledger by one with the same live reservations; answers the former.
    fn put_ledger(&mut self, server: ServerId, ledger: Ledger) -> Ledger {
        for (index, row) in ledger.rows.iter().enumerate().filter(|(_, row)| row.released_seq.is_none()) {
            self.held.insert((row.holder, row.part), (server, index));
        }
        self.ledgers.insert(server, ledger).unwrap_or_default()
    }
}
