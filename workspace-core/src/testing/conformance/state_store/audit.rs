//! Rules of the audit log.

use uuid::Uuid;

use super::rig::Rig;
use crate::clock::Timestamp;
use crate::id::{AuditId, OwnerId, TokenId};
use crate::model::AuditEntry;
use crate::port::{AuditFilter, Change, Horizon, PageRequest, Refused, StateStore, Write};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// An entry of this moment; ids sort as they are made.
pub(super) fn entry(rig: &Rig<'_>, number: u128, owner: &str, micros: i64) -> AuditEntry {
    AuditEntry {
        id: AuditId::from_uuid(Uuid::from_u128(number)),
        at: at(micros),
        owner: OwnerId::new(owner),
        token: None,
        action: "test.action".to_owned(),
        subject: rig.env.uuid(),
        name: None,
    }
}

async fn found(store: &dyn StateStore, filter: AuditFilter) -> Vec<AuditEntry> {
    store.audit(&filter, PageRequest::default()).await.expect("the store answers").items
}

/// Entries come back as they were written, in the order of ids, page by page; one whose id is known is there already.
pub async fn entries_come_back_in_order(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let named = AuditEntry {
        token: Some(TokenId::from_uuid(rig.env.uuid())),
        name: Some("hello".to_owned()),
        ..entry(&rig, 2, "anna", 2)
    };
    let (plain, last) = (entry(&rig, 1, "anna", 9), entry(&rig, 3, "bert", 3));
    let writes = [&named, &last, &plain].map(|entry| Write::Audit(entry.clone()));
    rig.commit(Change::default().with_all(writes)).await;
    rig.write(Write::Audit(entry(&rig, 2, "carl", 7))).await;
    let all = [plain.clone(), named.clone(), last.clone()];
    assert_eq!(found(store, AuditFilter::default()).await, all, "entries stay as they were written");
    let first = PageRequest { after: None, limit: 2 };
    let page = store.audit(&AuditFilter::default(), first).await.expect("the store answers");
    assert_eq!((page.items.len(), page.next), (2, Some(named.id.as_uuid())), "a page says where the next begins");
    let rest = PageRequest { after: page.next, limit: 2 };
    let page = store.audit(&AuditFilter::default(), rest).await.expect("the store answers");
    assert_eq!((page.items, page.next), (vec![last.clone()], None), "the last page says so");

    let anna = Some(OwnerId::new("anna"));
    for (filter, which) in [
        (AuditFilter { owner: anna.clone(), ..AuditFilter::default() }, &all[..2]),
        (AuditFilter { subject: Some(named.subject), ..AuditFilter::default() }, &all[1..2]),
        (AuditFilter { from: Some(at(3)), ..AuditFilter::default() }, &[plain, last][..]),
        (AuditFilter { owner: anna, to: Some(at(9)), ..AuditFilter::default() }, &all[1..2]),
    ] {
        assert_eq!(found(store, filter.clone()).await, which, "every condition holds: {filter:?}");
    }
}

/// An entry is there when its change is, and else not.
pub async fn entries_go_with_their_change(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let missing = Write::RevokeToken { id: TokenId::from_uuid(rig.env.uuid()), at: rig.env.now() };
    let change = Change::default().with(Write::Audit(entry(&rig, 1, "anna", 1))).with(missing);
    assert_eq!(rig.try_commit(change).await, Err(Refused::NotFound), "its last write is refused");
    assert_eq!(found(store, AuditFilter::default()).await, [], "what was refused is not in the log");
}

/// Old entries are forgotten.
pub async fn old_entries_go(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let (old, new) = (entry(&rig, 1, "anna", 4), entry(&rig, 2, "anna", 5));
    rig.commit(Change::default().with(Write::Audit(old)).with(Write::Audit(new.clone()))).await;
    rig.write(Write::Prune(Horizon { audit: at(5), ..Horizon::NOTHING })).await;
    assert_eq!(found(store, AuditFilter::default()).await, [new], "what is not old stays");
}
