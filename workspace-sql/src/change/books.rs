//! Events, the audit log, tokens and remembered answers.

use workspace_core::clock::Timestamp;
use workspace_core::event::NewEvent;
use workspace_core::id::TokenId;
use workspace_core::model::{AuditEntry, IdempotencyRecord, Token};
use workspace_core::port::Refused;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::rows::{IDEMPOTENCY, idempotency};
use crate::value::{Value, json, values};

/// The next number of a parent, given under its row: without holes, since who fails gives it back with its change.
const NEXT: &str = "INSERT INTO @streams AS s (parent, last_seq) VALUES ($1, 1) \
    ON CONFLICT (parent) DO UPDATE SET last_seq = s.last_seq + 1 RETURNING last_seq";

/// The table of events with all its columns.
pub(crate) const EVENTS: &str = "@events (parent, seq, at, kind, data)";

/// The table with the columns of [`audit_columns`].
pub(crate) const AUDITED: &str = "@audit (id, at, owner, token, action, subject, name)";

/// An entry of the audit log as it is written.
pub(crate) fn audit_columns(entry: &AuditEntry) -> Vec<Value> {
    let (id, token) = (entry.id.as_uuid(), entry.token.map(|token| token.as_uuid()));
    values![id, entry.at, entry.owner.as_str(), token, entry.action.as_str(), entry.subject, entry.name.clone()]
}

/// The table with the columns of [`remembered_columns`].
pub(crate) const REMEMBERED: &str = "@idempotency (owner, key, request_hash, resource, at)";

/// A remembered answer as it is written.
pub(crate) fn remembered_columns(record: &IdempotencyRecord) -> Vec<Value> {
    values![record.owner.as_str(), record.key.as_str(), record.request_hash, record.resource, record.at]
}

impl<S: Session> Cursor<'_, S> {
    pub(crate) async fn append(&mut self, event: &NewEvent) -> Result<(), Fault> {
        let mut row = if self.dialect.locks_rows {
            let sql = format!(
                "WITH next AS ({NEXT}) INSERT INTO {EVENTS} \
                 SELECT $1, last_seq, $2, $3, $4 FROM next RETURNING seq"
            );
            let values = values![event.parent, event.at, event.kind.as_str(), json(&event.data)?];
            self.row(&sql, values).await?
        } else {
            self.row(NEXT, values![event.parent]).await?
        }
        .ok_or_else(|| crate::value::broken("no number of an event"))?;
        let seq = row.count()?;
        if !self.dialect.locks_rows {
            let sql = format!("INSERT INTO {EVENTS} VALUES ($1, $2, $3, $4, $5)");
            let values = values![event.parent, seq, event.at, event.kind.as_str(), json(&event.data)?];
            self.rows(&sql, values).await?;
        }
        self.outcome.events.push(event.clone().numbered(seq));
        Ok(())
    }

    pub(crate) async fn audit(&mut self, entry: &AuditEntry) -> Result<(), Fault> {
        let sql = format!("INSERT INTO {AUDITED} VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING");
        self.rows(&sql, audit_columns(entry)).await.map(drop)
    }

    pub(crate) async fn insert_token(&mut self, token: &Token) -> Result<(), Fault> {
        let sql = "INSERT INTO @tokens (id, hash, owner, scopes, expires_at, revoked_at, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id";
        let values = values![
            token.id.as_uuid(),
            token.hash,
            token.owner.as_str(),
            json(&token.scopes)?,
            token.expires_at,
            token.revoked_at,
            token.created_at,
        ];
        self.row(sql, values).await?.map(|_| ()).ok_or(Fault::Refused(Refused::NameTaken))
    }

    pub(crate) async fn revoke_token(&mut self, id: TokenId, at: Timestamp) -> Result<(), Fault> {
        let sql = "UPDATE @tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING id";
        let row = self.row(sql, values![id.as_uuid(), at]).await?;
        row.map(|_| ()).ok_or(Fault::Refused(Refused::NotFound))
    }

    pub(crate) async fn remember(&mut self, record: &IdempotencyRecord) -> Result<(), Fault> {
        let sql = format!("INSERT INTO {REMEMBERED} VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING key");
        if self.row(&sql, remembered_columns(record)).await?.is_some() {
            return Ok(());
        }
        let (owner, key) = (record.owner.as_str(), record.key.as_str());
        let sql = format!("SELECT {IDEMPOTENCY} FROM @idempotency WHERE owner = $1 AND key = $2");
        let mut known =
            self.row(&sql, values![owner, key]).await?.ok_or_else(|| crate::value::broken("no remembered answer"))?;
        Err(Refused::Remembered(idempotency(&mut known)?).into())
    }
}
