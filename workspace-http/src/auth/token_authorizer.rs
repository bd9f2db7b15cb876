//! Bearer tokens: those of the store, and one that the configuration gives.

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::orchestrator::{Caller, Orchestrator};
use workspace_core::secret::Secret;

use super::Authorizer;

/// Accepts `Authorization: Bearer <token>` with a token of the store, or with one configured admin token.
///
/// The admin token is kept and compared as its SHA-256 only, in constant time.
#[derive(Debug)]
pub struct TokenAuthorizer {
    orchestrator: Orchestrator,
    admin: Option<[u8; 32]>,
}

impl TokenAuthorizer {
    /// Accepts the tokens of this fleet's store, and this admin token. An empty admin token is none.
    pub fn new(orchestrator: Orchestrator, admin: Option<&Secret>) -> Self {
        let admin = admin.filter(|token| !token.reveal().is_empty());
        Self { orchestrator, admin: admin.map(|token| hash(token.reveal())) }
    }
}

#[async_trait]
impl Authorizer for TokenAuthorizer {
    async fn authorize(&self, request: &Parts) -> Result<Caller> {
        let token = bearer(request)?;
        if self.admin.is_some_and(|admin| bool::from(admin.ct_eq(&hash(token)))) {
            return Ok(Caller::admin());
        }
        self.orchestrator.authenticate(token).await
    }

    async fn until_revoked(&self, caller: &Caller) {
        self.orchestrator.until_revoked(caller).await;
    }
}

fn bearer(request: &Parts) -> Result<&str> {
    let header = request.headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let (scheme, token) = header.and_then(|header| header.split_once(' ')).ok_or_else(missing)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() { Ok(token) } else { Err(missing()) }
}

fn missing() -> Error {
    Error::new(ErrorKind::Unauthenticated, "the request has no bearer token")
        .hint("send `Authorization: Bearer <token>` with a token of this fleet")
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
