//! Reservations, events, the audit log, tokens and remembered answers.

use uuid::Uuid;
use workspace_core::error::Result;
use workspace_core::event::Event;
use workspace_core::id::{AuditId, OwnerId, ServerId, TokenId};
use workspace_core::model::{AuditEntry, IdempotencyRecord, Reservation, ReservationPart, Token};

use super::server::resources;
use crate::value::{Row, broken};

/// What [`reservation`] reads.
pub(crate) const RESERVATION: &str = "server, holder, part, cpu, memory, disk, slots, gpus, claimed_seq, released_seq";

pub(crate) fn reservation(row: &mut Row) -> Result<Reservation> {
    Ok(Reservation {
        server: ServerId::from_uuid(row.id()?),
        holder: row.id()?,
        part: part_of(&row.text()?)?,
        resources: resources(row)?,
        claimed_seq: row.count()?,
        released_seq: row.opt_int()?.and_then(|seq| u64::try_from(seq).ok()),
    })
}

fn part_of(name: &str) -> Result<ReservationPart> {
    [ReservationPart::Compute, ReservationPart::Storage]
        .into_iter()
        .find(|part| part.name() == name)
        .ok_or_else(|| broken("no part of a reservation"))
}

/// What [`event`] reads.
pub(crate) const EVENT: &str = "seq, at, kind, data";

pub(crate) fn event(parent: Uuid, row: &mut Row) -> Result<Event> {
    Ok(Event { parent, seq: row.count()?, at: row.moment()?, kind: row.text()?, data: row.json()? })
}

/// What [`audit`] reads.
pub(crate) const AUDIT: &str = "id, at, owner, token, action, subject, name";

pub(crate) fn audit(row: &mut Row) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: AuditId::from_uuid(row.id()?),
        at: row.moment()?,
        owner: OwnerId::new(row.text()?),
        token: row.opt_id()?.map(TokenId::from_uuid),
        action: row.text()?,
        subject: row.id()?,
        name: row.opt_text()?,
    })
}

/// What [`token`] reads.
pub(crate) const TOKEN: &str = "id, hash, owner, scopes, expires_at, revoked_at, created_at";

pub(crate) fn token(row: &mut Row) -> Result<Token> {
    Ok(Token {
        id: TokenId::from_uuid(row.id()?),
        hash: row.hash()?,
        owner: OwnerId::new(row.text()?),
        scopes: row.json()?,
        expires_at: row.opt_moment()?,
        revoked_at: row.opt_moment()?,
        created_at: row.moment()?,
    })
}

/// What [`idempotency`] reads.
pub(crate) const IDEMPOTENCY: &str = "owner, key, request_hash, resource, at";

pub(crate) fn idempotency(row: &mut Row) -> Result<IdempotencyRecord> {
    Ok(IdempotencyRecord {
        owner: OwnerId::new(row.text()?),
        key: row.text()?,
        request_hash: row.hash()?,
        resource: row.id()?,
        at: row.moment()?,
    })
}
