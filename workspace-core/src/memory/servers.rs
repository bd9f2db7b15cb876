//! Writes of servers.

use std::mem;

use super::change::Transaction;
use super::tables::ServerRow;
use crate::id::ServerId;
use crate::model::{Scheduling, ServerObservation, ServerRecord};
use crate::port::Refused;
use crate::resources::Resources;

impl Transaction<'_> {
    pub(super) fn insert_server(&mut self, record: &ServerRecord) -> Result<(), Refused> {
        let (id, name) = (record.id, record.spec.name.clone());
        if self.tables.server_names.contains_key(&name) || self.tables.servers.contains_key(&id) {
            return Err(Refused::NameTaken);
        }
        let row = ServerRow {
            record: record.clone(),
            observation: ServerObservation::default(),
            reserved: Resources::default(),
        };
        self.tables.servers.insert(id, row);
        self.tables.server_names.insert(name.clone(), id);
        self.on_undo(move |tables| {
            tables.servers.remove(&id);
            tables.server_names.remove(&name);
        });
        Ok(())
    }

    pub(super) fn update_server(&mut self, record: &ServerRecord, expected: u64) -> Result<(), Refused> {
        let id = record.id;
        let row = self.tables.servers.get_mut(&id).ok_or(Refused::NotFound)?;
        if row.record.revision != expected {
            return Err(Refused::Stale { current: row.record.revision });
        }
        if self.tables.server_names.get(&record.spec.name).is_some_and(|&other| other != id) {
            return Err(Refused::NameTaken);
        }
        let next = ServerRecord { revision: expected + 1, ..record.clone() };
        let old = mem::replace(&mut row.record, next);
        self.tables.server_names.remove(&old.spec.name);
        self.tables.server_names.insert(record.spec.name.clone(), id);
        self.on_undo(move |tables| {
            let name = old.spec.name.clone();
            if let Some(row) = tables.servers.get_mut(&id) {
                let undone = mem::replace(&mut row.record, old);
                tables.server_names.remove(&undone.spec.name);
                tables.server_names.insert(name, id);
            }
        });
        Ok(())
    }

    pub(super) fn observe_server(&mut self, id: ServerId, observation: &ServerObservation) -> Result<(), Refused> {
        let row = self.tables.servers.get_mut(&id).ok_or(Refused::NotFound)?;
        let old = mem::replace(&mut row.observation, observation.clone());
        self.on_undo(move |tables| {
            if let Some(row) = tables.servers.get_mut(&id) {
                row.observation = old;
            }
        });
        Ok(())
    }

    pub(super) fn remove_server(&mut self, id: ServerId) -> Result<(), Refused> {
        let row = self.tables.servers.get(&id).ok_or(Refused::NotFound)?;
        let placed = self.tables.live.placed.get(&id).is_some_and(|&count| count > 0);
        let holds = self.tables.held.values().any(|&(server, _)| server == id);
        if row.record.scheduling == Scheduling::Active || placed || holds {
            return Err(Refused::InUse);
        }
        let slots: Vec<_> =
            self.tables.slots.range((id, 0)..=(id, u32::MAX)).map(|(&slot, &workspace)| (slot, workspace)).collect();
        for (_, workspace) in slots {
            self.free_network(workspace);
        }
        if let Some(row) = self.tables.servers.remove(&id) {
            self.tables.server_names.remove(&row.record.spec.name);
            self.on_undo(move |tables| {
                tables.server_names.insert(row.record.spec.name.clone(), id);
                tables.servers.insert(id, row);
            });
        }
        Ok(())
    }
}
