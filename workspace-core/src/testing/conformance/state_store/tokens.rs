//! Rules of tokens.

use std::collections::BTreeSet;

use super::rig::Rig;
use crate::clock::Timestamp;
use crate::id::{OwnerId, TokenId};
use crate::model::{Scope, Token};
use crate::port::{Refused, StateStore, Write};

/// A token is found by its hash and its id, and revoked once.
pub async fn tokens_are_found_by_hash_and_revoked_once(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let token = Token {
        id: TokenId::from_uuid(rig.env.uuid()),
        hash: rig.env.bytes(),
        owner: OwnerId::new("anna"),
        scopes: BTreeSet::from([Scope::Exec, Scope::WorkspacesRead]),
        expires_at: Some(Timestamp::from_micros(77)),
        revoked_at: None,
        created_at: rig.env.now(),
    };
    rig.write(Write::InsertToken(token.clone())).await;
    let same_hash = Token { id: TokenId::from_uuid(rig.env.uuid()), ..token.clone() };
    rig.refuse("a hash names one token", None, Write::InsertToken(same_hash), Refused::NameTaken).await;
    let by_hash = async |hash| store.token_by_hash(&hash).await.expect("the store answers");
    assert_eq!(by_hash(token.hash).await, Some(token.clone()), "a token is found by its hash");
    assert_eq!(by_hash([9; 32]).await, None, "an unknown hash finds nothing");
    let revoke = |micros| Write::RevokeToken { id: token.id, at: Timestamp::from_micros(micros) };
    rig.write(revoke(5)).await;
    rig.write(revoke(6)).await;
    let revoked = Token { revoked_at: Some(Timestamp::from_micros(5)), ..token.clone() };
    assert_eq!(store.token(token.id).await.expect("the store answers"), Some(revoked.clone()), "it is revoked once");
    assert_eq!(by_hash(token.hash).await, Some(revoked), "a revoked token is still found");
    let missing = TokenId::from_uuid(rig.env.uuid());
    assert_eq!(store.token(missing).await.expect("the store answers"), None, "a missing token is missing");
    let write = Write::RevokeToken { id: missing, at: rig.env.now() };
    rig.refuse("a missing token is not revoked", None, write, Refused::NotFound).await;
}
