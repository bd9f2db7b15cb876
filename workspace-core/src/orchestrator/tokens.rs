//! API tokens.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{OwnerId, TokenId};
use crate::model::{Scope, Token};
use crate::orchestrator::hex::hex;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::workspaces::Idempotency;
use crate::orchestrator::{Caller, Core, Orchestrator, validate};
use crate::port::{Refused, Write};
use crate::secret::Secret;

/// A token to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Who acts with it.
    pub owner: OwnerId,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A token that was just made: the only time its text is seen.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// Its id.
    pub id: TokenId,
    /// The token.
    pub token: Secret,
}

impl Orchestrator {
    /// Makes a token of 256 random bits.
    ///
    /// # Errors
    /// `Conflict` for a repeated request: the token was made, and its text is shown once.
    pub async fn issue_token(
        &self,
        caller: &Caller,
        new: NewToken,
        idempotency: Option<Idempotency>,
    ) -> Result<IssuedToken> {
        caller.require(Scope::Admin)?;
        validate::owner("owner", new.owner.as_str())?;
        if new.scopes.is_empty() {
            return Err(Error::invalid("scopes", "a token needs at least one scope"));
        }
        let now = self.core.env.now();
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("expires_at", "the token would have ended already"));
        }
        let id = TokenId::from_uuid(self.core.env.uuid());
        let remember = idempotency.map(|idempotency| idempotency.record(caller.owner_id().clone(), id.as_uuid(), now));
        if let Some(known) = self.core.remembered(remember.as_ref()).await? {
            return Err(shown_before(known));
        }
        let text = format!("wsf_{}", hex(&self.core.env.bytes::<32>()));
        let token = Token {
            id,
            hash: hash(&text),
            owner: new.owner,
            scopes: new.scopes,
            expires_at: new.expires_at,
            revoked_at: None,
            created_at: now,
        };
        let change = self
            .core
            .asked(caller.asks("token.issue"), id.as_uuid(), Some(token.owner.as_str()))
            .with(Write::InsertToken(token.clone()))
            .with_all(remember.clone().map(Write::Remember));
        match self.core.commit(change).await? {
            Ok(_) => {}
            Err(Refused::Remembered(other)) => {
                return Err(shown_before(Idempotency::same(&other, remember.as_ref())?));
            }
            Err(refusal) => return Err(refused("token", &refusal)),
        }
        Ok(IssuedToken { id, token: Secret::new(text) })
    }

    /// Ends a token now; streams that were opened with it are cut.
    pub async fn revoke_token(&self, caller: &Caller, id: TokenId) -> Result<()> {
        caller.require(Scope::Admin)?;
        let token = self.core.store.token(id).await?.ok_or_else(|| Error::not_found("token"))?;
        let change = self
            .core
            .asked(caller.asks("token.revoke"), id.as_uuid(), Some(token.owner.as_str()))
            .with(Write::RevokeToken { id, at: self.core.env.now() });
        self.core.commit(change).await?.map_err(|refusal| refused("token", &refusal))?;
        self.core.hub.wake(id.as_uuid());
        Ok(())
    }

    /// Who holds this token.
    ///
    /// # Errors
    /// `Unauthenticated`, whatever is wrong with it. The token is compared by its hash, so that timing tells nothing.
    pub async fn authenticate(&self, token: &str) -> Result<Caller> {
        let known = self.core.store.token_by_hash(&hash(token)).await?;
        match known.filter(|token| self.core.is_good(token)) {
            Some(token) => Ok(Caller::holder(&token)),
            None => Err(Error::new(ErrorKind::Unauthenticated, "the token is not known, or has ended")
                .hint("send `Authorization: Bearer <token>` with a token of this fleet")),
        }
    }

    /// Ends when the caller's token is revoked or expires; never for callers without a token.
    pub async fn until_revoked(&self, caller: &Caller) {
        let Some(id) = caller.token() else { return std::future::pending().await };
        let mut news = self.core.hub.subscribe(id.as_uuid());
        let stopping = self.tasks.stopping();
        loop {
            news.mark_heard();
            match self.core.store.token(id).await {
                Ok(token) if token.as_ref().is_none_or(|token| !self.core.is_good(token)) => return,
                // A store that does not answer ends no stream.
                _ => self.core.pause(&mut news, &stopping).await,
            }
            if self.tasks.is_stopping() {
                return;
            }
        }
    }
}

impl Core {
    fn is_good(&self, token: &Token) -> bool {
        token.revoked_at.is_none() && token.expires_at.is_none_or(|end| end > self.env.now())
    }
}

fn shown_before(id: Uuid) -> Error {
    Error::new(ErrorKind::Conflict, format!("the token {id} was made by this request before; its text is shown once"))
        .hint("revoke it and ask for another with a new idempotency key")
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
