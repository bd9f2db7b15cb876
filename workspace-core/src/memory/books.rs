//! Events, the audit log, tokens and remembered answers.

use std::collections::btree_map::Entry;

use super::change::Transaction;
use crate::clock::Timestamp;
use crate::event::NewEvent;
use crate::id::TokenId;
use crate::model::{AuditEntry, IdempotencyRecord, Token};
use crate::port::Refused;

impl Transaction<'_> {
    pub(super) fn append(&mut self, event: &NewEvent) {
        let parent = event.parent;
        let events = self.tables.events.entry(parent).or_default();
        let last = events.last().map_or(0, |event| event.seq);
        let event = event.clone().numbered(last + 1);
        events.push(event.clone());
        self.outcome.events.push(event);
        self.on_undo(move |tables| {
            tables.events.entry(parent).or_default().pop();
        });
    }

    pub(super) fn audit(&mut self, entry: &AuditEntry) {
        let id = entry.id;
        if let Entry::Vacant(free) = self.tables.audit.entry(id) {
            free.insert(entry.clone());
            self.on_undo(move |tables| {
                tables.audit.remove(&id);
            });
        }
    }

    pub(super) fn insert_token(&mut self, token: &Token) -> Result<(), Refused> {
        let (id, hash) = (token.id, token.hash);
        if self.tables.tokens.contains_key(&id) || self.tables.token_hashes.contains_key(&hash) {
            return Err(Refused::NameTaken);
        }
        self.tables.tokens.insert(id, token.clone());
        self.tables.token_hashes.insert(hash, id);
        self.on_undo(move |tables| {
            tables.tokens.remove(&id);
            tables.token_hashes.remove(&hash);
        });
        Ok(())
    }

    pub(super) fn revoke_token(&mut self, id: TokenId, at: Timestamp) -> Result<(), Refused> {
        let token = self.tables.tokens.get_mut(&id).ok_or(Refused::NotFound)?;
        if token.revoked_at.is_none() {
            token.revoked_at = Some(at);
            self.on_undo(move |tables| {
                if let Some(token) = tables.tokens.get_mut(&id) {
                    token.revoked_at = None;
                }
            });
        }
        Ok(())
    }

    pub(super) fn remember(&mut self, record: &IdempotencyRecord) -> Result<(), Refused> {
        let key = (record.owner.clone(), record.key.clone());
        if let Some(known) = self.tables.remembered.get(&key) {
            return Err(Refused::Remembered(known.clone()));
        }
        self.tables.remembered.insert(key.clone(), record.clone());
        self.on_undo(move |tables| {
            tables.remembered.remove(&key);
        });
        Ok(())
    }
}
