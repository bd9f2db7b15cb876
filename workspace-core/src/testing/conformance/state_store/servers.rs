//! Rules of servers.

use super::rig::{Rig, claim, release, slots};
use crate::id::ServerId;
use crate::model::{Availability, Probe, Scheduling, ServerObservation, ServerRecord, ServerSpec, TlsMaterial};
use crate::port::{Refused, StateStore, Write};
use crate::secret::Secret;

/// The name of a server is unique in the fleet, by exact case, and free again after its removal.
pub async fn server_names_are_unique(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let first = rig.server(slots(1)).await;
    let named = |name: &str| {
        let row = rig.server_row(slots(1));
        ServerRecord { spec: ServerSpec { name: name.to_owned(), ..row.spec.clone() }, ..row }
    };
    let rule = "a server's name is unique";
    rig.refuse(rule, None, Write::InsertServer(named(&first.spec.name)), Refused::NameTaken).await;
    let upper = named(&first.spec.name.to_uppercase());
    rig.write(Write::InsertServer(upper.clone())).await;
    let renamed = ServerRecord { spec: first.spec.clone(), ..upper.clone() };
    rig.refuse(rule, None, Write::UpdateServer { record: renamed, expected: 1 }, Refused::NameTaken).await;
    let moved = named("moved");
    let moved = ServerRecord { id: first.id, ..moved };
    rig.write(Write::UpdateServer { record: moved, expected: 1 }).await;
    let again = named(&first.spec.name);
    rig.write(Write::InsertServer(again.clone())).await;
    rig.schedule(again.id, Scheduling::Cordoned).await;
    rig.write(Write::RemoveServer(again.id)).await;
    rig.write(Write::InsertServer(named(&first.spec.name))).await;
}

/// An edit of a server names the revision that it was made against, and counts it up.
pub async fn server_edits_are_guarded_by_revision(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let record = rig.server(slots(1)).await;
    let update = |record: &ServerRecord, expected| Write::UpdateServer { record: record.clone(), expected };
    let labelled = ServerRecord {
        spec: ServerSpec { labels: [("gpu".to_owned(), "true".to_owned())].into(), ..record.spec.clone() },
        totals: slots(7),
        ..record.clone()
    };
    rig.write(update(&labelled, 1)).await;
    let state = store.server(record.id).await.expect("the store answers").expect("it is there");
    assert_eq!(state.record, ServerRecord { revision: 2, ..labelled }, "an edit replaces the record");
    rig.refuse("an edit against an older revision is stale", None, update(&record, 1), Refused::Stale { current: 2 })
        .await;
    rig.refuse("an edit against a later revision is stale", None, update(&record, 3), Refused::Stale { current: 2 })
        .await;
    let missing = rig.server_row(slots(1));
    rig.refuse("a missing server is not edited", None, update(&missing, 1), Refused::NotFound).await;
}

/// What a probe told changes neither the record nor its revision.
pub async fn observations_leave_the_record_alone(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let record = rig.server(slots(1)).await;
    let observation = ServerObservation {
        availability: Availability::Healthy,
        last_probe: Some(rig.env.now()),
        last_error: None,
        clock_skew_ms: Some(-1_500),
        probe: Some(Probe { totals: slots(3), engine: "Docker 20.10.24".to_owned(), ..Probe::default() }),
    };
    let state = store.server(record.id).await.expect("the store answers").expect("it is there");
    assert_eq!(state.observation, ServerObservation::default(), "a new server is offline until it is probed");
    rig.write(Write::ObserveServer { id: record.id, observation: observation.clone() }).await;
    let state = store.server(record.id).await.expect("the store answers").expect("it is there");
    assert_eq!((&state.record, &state.observation), (&record, &observation), "an observation leaves the record alone");
    let missing = ServerId::from_uuid(rig.env.uuid());
    let write = Write::ObserveServer { id: missing, observation };
    rig.refuse("a missing server is not observed", None, write, Refused::NotFound).await;
}

/// A server is forgotten only when it is cordoned or draining and holds neither workspaces nor reservations.
pub async fn servers_in_use_stay(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let record = rig.server(slots(2)).await;
    let remove = || Write::RemoveServer(record.id);
    rig.refuse("an active server is not removed", None, remove(), Refused::InUse).await;
    let holder = rig.env.uuid();
    rig.write(claim(record.id, holder, slots(1))).await;
    rig.schedule(record.id, Scheduling::Cordoned).await;
    rig.refuse("a server with a reservation is not removed", None, remove(), Refused::InUse).await;
    rig.write(release(holder)).await;
    let fence = rig.lease("m", super::rig::LONG).await;
    let mut row = rig.workspace_row("o", "w", &fence);
    row.desired.server = Some(record.id);
    rig.insert(&row).await;
    let placed = store.server(record.id).await.expect("the store answers").expect("it is there").workspaces;
    assert_eq!(placed, 1, "a server counts the workspaces that are placed on it");
    rig.refuse("a server with a workspace is not removed", None, remove(), Refused::InUse).await;
    rig.bury(&row).await;
    rig.schedule(record.id, Scheduling::Draining).await;
    rig.write(remove()).await;
    assert!(store.server(record.id).await.expect("the store answers").is_none(), "a removed server is gone");
    rig.refuse("a missing server is not removed", None, remove(), Refused::NotFound).await;
    let history = store.reservations(record.id, true).await.expect("the store answers");
    assert_eq!(history.len(), 1, "the history of reservations outlives the server");
}

/// What a store seals comes back as it was.
pub async fn secrets_of_servers_come_back(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let mut record = rig.server_row(slots(1));
    let tls = |key: &str| TlsMaterial { ca: "ca".to_owned(), cert: "cert".to_owned(), key: Secret::new(key) };
    record.spec.tls = Some(tls("first"));
    rig.write(Write::InsertServer(record.clone())).await;
    let read = async || store.server(record.id).await.expect("the store answers").expect("it is there").record;
    assert_eq!(read().await, record, "a client key comes back");
    record.spec.tls = Some(tls("second"));
    rig.write(Write::UpdateServer { record: record.clone(), expected: 1 }).await;
    assert_eq!(read().await.spec.tls, Some(tls("second")), "a replaced client key comes back");
    record.spec.tls = None;
    rig.write(Write::UpdateServer { record: record.clone(), expected: 2 }).await;
    assert_eq!(read().await.spec.tls, None, "a removed client key is gone");
}
