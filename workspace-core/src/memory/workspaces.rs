//! Writes of workspaces and their networks.

use std::iter::repeat;
use std::ops::Range;

use std::mem;

use super::change::Transaction;
use super::tables::Tables;
use crate::clock::Timestamp;
use crate::id::{OwnerId, ServerId, WorkspaceId};
use crate::model::{Desired, Fence, Observed, Problem, Running, Status, Workspace};
use crate::port::Refused;

/// How many networks of 16 addresses a range of 65,536 has.
const NETWORK_SLOTS: u32 = 4_096;

impl Transaction<'_> {
    pub(super) fn insert_workspace(&mut self, workspace: &Workspace) -> Result<(), Refused> {
        let id = workspace.id;
        if self.tables.workspaces.contains_key(&id) {
            return Err(Refused::NameTaken);
        }
        if workspace.observed.status != Status::Deleted {
            self.check_unique(id, &workspace.owner, &workspace.desired)?;
        }
        let mut row = workspace.clone();
        row.desired.network_slot = None;
        self.tables.live.enter(&row);
        self.tables.workspaces.insert(id, row);
        self.on_undo(move |tables| {
            if let Some(row) = tables.workspaces.remove(&id) {
                tables.live.leave(&row);
            }
        });
        self.follow_usage(id, None, workspace.updated_at);
        Ok(())
    }

    pub(super) fn decide_workspace(
        &mut self,
        id: WorkspaceId,
        expected: u64,
        desired: &Desired,
        status: Option<Status>,
        driver: Option<&Fence>,
        at: Timestamp,
    ) -> Result<(), Refused> {
        let row = self.live_row(id)?;
        if row.revision != expected {
            return Err(Refused::Stale { current: row.revision });
        }
        self.check_unique(id, &row.owner, desired)?;
        let free_to_take = row.observed.status.is_settled() || !self.tables.is_live(&row.driver, self.now);
        let driver = driver.filter(|_| free_to_take).unwrap_or(&row.driver).clone();
        let network_slot = row.desired.network_slot;
        let ran = Running::of(row);
        let next = Desired { network_slot, ..desired.clone() };
        let shown = status.map(|status| Shown { status, error: None, waiting: None });
        let old = edit(self.tables, id, |row| Old {
            desired: mem::replace(&mut row.desired, next),
            shown: shown.map(|shown| shown.swap(&mut row.observed)),
            driver: mem::replace(&mut row.driver, driver),
            revision: mem::replace(&mut row.revision, expected + 1),
            updated_at: mem::replace(&mut row.updated_at, at),
        });
        self.on_undo(move |tables| {
            edit(tables, id, |row| old.map(|old| old.put_back(row)));
        });
        self.follow_usage(id, ran, at);
        Ok(())
    }

    pub(super) fn observe_workspace(
        &mut self,
        id: WorkspaceId,
        expected: u64,
        observed: &Observed,
        at: Timestamp,
    ) -> Result<(), Refused> {
        let row = self.tables.workspaces.get(&id).ok_or(Refused::NotFound)?;
        if row.observed.status == Status::Deleted && observed.status != Status::Deleted {
            return Err(Refused::NotFound);
        }
        if self.fence != Some(&row.driver) {
            return Err(Refused::Fenced);
        }
        if row.revision != expected {
            return Err(Refused::Stale { current: row.revision });
        }
        let ran = Running::of(row);
        let old = edit(self.tables, id, |row| {
            (mem::replace(&mut row.observed, observed.clone()), mem::replace(&mut row.updated_at, at))
        });
        self.on_undo(move |tables| {
            edit(tables, id, |row| old.map(|old| (row.observed, row.updated_at) = old));
        });
        self.follow_usage(id, ran, at);
        Ok(())
    }

    pub(super) fn adopt_workspace(&mut self, id: WorkspaceId) -> Result<(), Refused> {
        let row = self.tables.workspaces.get_mut(&id).ok_or(Refused::NotFound)?;
        let fence = self.fence.ok_or(Refused::Fenced)?;
        let driver = row.driver.clone();
        if driver.master != fence.master && self.tables.is_live(&driver, self.now) {
            return Err(Refused::Fenced);
        }
        self.tables.edit_workspace(id, |row| row.driver = fence.clone());
        self.on_undo(move |tables| tables.edit_workspace(id, |row| row.driver = driver));
        Ok(())
    }

    pub(super) fn allot_network(&mut self, server: ServerId, workspace: WorkspaceId, from: u32) -> Result<(), Refused> {
        self.live_row(workspace)?;
        if !self.tables.servers.contains_key(&server) {
            return Err(Refused::NotFound);
        }
        if let Some(&(held_on, slot)) = self.tables.live.slots.get(&workspace) {
            if held_on == server {
                self.outcome.network_slot = Some(slot);
                return Ok(());
            }
            self.free_network(workspace);
        }
        let from = from.min(NETWORK_SLOTS);
        let first_free = |mut slots: Range<u32>| {
            let taken = self.tables.slots.range((server, slots.start)..(server, slots.end)).map(|(&(_, slot), _)| slot);
            let mut taken = taken.chain(repeat(u32::MAX));
            slots.find(|&slot| taken.next() != Some(slot))
        };
        let slot = first_free(from..NETWORK_SLOTS).or_else(|| first_free(0..from));
        let slot = slot.ok_or(Refused::Capacity { dimension: None })?;
        take_slot(self.tables, server, workspace, slot);
        self.outcome.network_slot = Some(slot);
        self.on_undo(move |tables| {
            give_slot(tables, workspace);
        });
        Ok(())
    }

    pub(super) fn free_network(&mut self, workspace: WorkspaceId) {
        if let Some((server, slot)) = give_slot(self.tables, workspace) {
            self.on_undo(move |tables| take_slot(tables, server, workspace, slot));
        }
    }

    fn live_row(&self, id: WorkspaceId) -> Result<&Workspace, Refused> {
        let row = self.tables.workspaces.get(&id).ok_or(Refused::NotFound)?;
        if row.observed.status == Status::Deleted { Err(Refused::NotFound) } else { Ok(row) }
    }

    fn check_unique(&self, id: WorkspaceId, owner: &OwnerId, desired: &Desired) -> Result<(), Refused> {
        let live = &self.tables.live;
        let named = live.names.get(owner).and_then(|names| names.get(&desired.name));
        if named.is_some_and(|&other| other != id) {
            return Err(Refused::NameTaken);
        }
        if live.projects.get(&desired.project).is_some_and(|&other| other != id) {
            return Err(Refused::ProjectTaken);
        }
        Ok(())
    }
}

/// What a decision replaced.
struct Old {
    desired: Desired,
    shown: Option<Shown>,
    driver: Fence,
    revision: u64,
    updated_at: Timestamp,
}

/// The part of what was seen that a decision replaces.
struct Shown {
    status: Status,
    error: Option<Problem>,
    waiting: Option<Problem>,
}

impl Shown {
    /// Puts this into what was seen and takes out what was there.
    fn swap(self, observed: &mut Observed) -> Self {
        Self {
            status: mem::replace(&mut observed.status, self.status),
            error: mem::replace(&mut observed.error, self.error),
            waiting: mem::replace(&mut observed.waiting, self.waiting),
        }
    }
}

impl Old {
    fn put_back(self, row: &mut Workspace) {
        row.desired = self.desired;
        if let Some(shown) = self.shown {
            shown.swap(&mut row.observed);
        }
        row.driver = self.driver;
        row.revision = self.revision;
        row.updated_at = self.updated_at;
    }
}

fn edit<T>(tables: &mut Tables, id: WorkspaceId, edit: impl FnOnce(&mut Workspace) -> T) -> Option<T> {
    let mut answer = None;
    tables.edit_workspace(id, |row| answer = Some(edit(row)));
    answer
}

fn take_slot(tables: &mut Tables, server: ServerId, workspace: WorkspaceId, slot: u32) {
    tables.slots.insert((server, slot), workspace);
    tables.live.slots.insert(workspace, (server, slot));
    if let Some(row) = tables.workspaces.get_mut(&workspace) {
        row.desired.network_slot = Some(slot);
    }
}

fn give_slot(tables: &mut Tables, workspace: WorkspaceId) -> Option<(ServerId, u32)> {
    let place = tables.live.slots.remove(&workspace)?;
    tables.slots.remove(&place);
    if let Some(row) = tables.workspaces.get_mut(&workspace) {
        row.desired.network_slot = None;
    }
    Some(place)
}
