//! Who asks.

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{OwnerId, TokenId};
use crate::model::{Scope, Token};

/// Who asks, and what they may do. Every operation takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    owner: OwnerId,
    scopes: BTreeSet<Scope>,
    token: Option<TokenId>,
    expires_at: Option<Timestamp>,
}

impl Caller {
    /// An administrator: may do everything for everyone.
    pub fn admin() -> Self {
        Self { owner: OwnerId::admin(), scopes: Scope::ALL.into(), token: None, expires_at: None }
    }

    /// An owner who may do everything with what is their own.
    pub fn owner(name: impl Into<String>) -> Self {
        let scopes = Scope::ALL.into_iter().filter(|&scope| scope != Scope::Admin).collect();
        Self { owner: OwnerId::new(name), scopes, token: None, expires_at: None }
    }

    /// Whoever holds this token.
    pub fn holder(token: &Token) -> Self {
        Self {
            owner: token.owner.clone(),
            scopes: token.scopes.clone(),
            token: Some(token.id),
            expires_at: token.expires_at,
        }
    }

    /// Who owns what the caller makes.
    pub const fn owner_id(&self) -> &OwnerId {
        &self.owner
    }

    /// The token that they came with.
    pub const fn token(&self) -> Option<TokenId> {
        self.token
    }

    /// When their right ends by itself.
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// For whom something is made: themselves, or whom an administrator names.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] for others than administrators.
    pub(super) fn acting_for(&self, owner: Option<OwnerId>) -> Result<OwnerId> {
        match owner {
            None => Ok(self.owner.clone()),
            Some(owner) if owner == self.owner => Ok(owner),
            Some(owner) => {
                self.require(Scope::Admin)?;
                crate::orchestrator::validate::owner("owner", owner.as_str())?;
                Ok(owner)
            }
        }
    }

    /// Whether they may do everything for everyone.
    pub fn is_admin(&self) -> bool {
        self.scopes.contains(&Scope::Admin)
    }

    /// Demands a scope; `admin` has every one.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`].
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.is_admin() || self.scopes.contains(&scope) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Forbidden, format!("the token does not have the scope {}", scope.name()))
            .hint("ask an administrator for a token with this scope"))
    }
}
