//! Rules of capacity.

use std::sync::Arc;

use futures::future::join_all;
use uuid::Uuid;

use super::rig::{LONG, Rig, claim, release, slots};
use crate::id::ServerId;
use crate::model::{ReservationPart, Scheduling, ServerRecord};
use crate::port::{Change, Refused, StateStore, Write};
use crate::resources::{Dimension, Overcommit, Resources};

fn full(dimension: Dimension) -> Refused {
    Refused::Capacity { dimension: Some(dimension) }
}

/// A server holds as much as its limits and no more, in each dimension by itself.
pub async fn claims_stop_at_the_limit(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let totals = Resources { cpu_millis: 100, memory_mib: 200, disk_gib: 300, slots: 4, gpus: 5 };
    for dimension in Dimension::ALL {
        let server = rig.server(totals).await.id;
        let one_over = totals.zip(Resources::default(), |total, _| total);
        let one_over = match dimension {
            Dimension::Cpu => Resources { cpu_millis: 101, ..one_over },
            Dimension::Memory => Resources { memory_mib: 201, ..one_over },
            Dimension::Disk => Resources { disk_gib: 301, ..one_over },
            Dimension::Slots => Resources { slots: 5, ..one_over },
            Dimension::Gpus => Resources { gpus: 6, ..one_over },
        };
        let rule = "a claim over the limit is refused with the dimension";
        rig.refuse(rule, None, claim(server, rig.env.uuid(), one_over), full(dimension)).await;
        assert_eq!(rig.reserved(server).await, Resources::default(), "{rule}: nothing is held");
        rig.write(claim(server, rig.env.uuid(), totals)).await;
        assert_eq!(rig.reserved(server).await, totals, "a claim of all of it fits");
        let first = claim(server, rig.env.uuid(), Resources { cpu_millis: 1, gpus: 1, ..Resources::default() });
        rig.refuse("the first full dimension is named", None, first, full(Dimension::Cpu)).await;
        rig.write(claim(server, rig.env.uuid(), Resources::default())).await;
    }
}

/// Reservations go up to the totals times the over-commit.
pub async fn overcommit_is_per_dimension(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let mut record = rig.server_row(Resources { cpu_millis: 100, memory_mib: 100, ..slots(2) });
    record.spec.overcommit = Overcommit { cpu_percent: 250, ..Overcommit::default() };
    rig.write(Write::InsertServer(record.clone())).await;
    rig.write(claim(record.id, rig.env.uuid(), Resources { cpu_millis: 250, ..Resources::default() })).await;
    let more = claim(record.id, rig.env.uuid(), Resources { cpu_millis: 1, ..Resources::default() });
    rig.refuse("over-commit ends at its ratio", None, more, full(Dimension::Cpu)).await;
    let memory = claim(record.id, rig.env.uuid(), Resources { memory_mib: 101, ..Resources::default() });
    rig.refuse("over-commit of one dimension is not another's", None, memory, full(Dimension::Memory)).await;
}

/// A repeated claim is one claim, and keeps what it has.
pub async fn claims_are_idempotent(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let (server, other) = (rig.server(slots(5)).await.id, rig.server(slots(5)).await.id);
    let holder = rig.env.uuid();
    rig.write(claim(server, holder, slots(2))).await;
    rig.write(claim(server, holder, slots(4))).await;
    rig.commit(Change::default().with(claim(server, holder, slots(1))).with(claim(server, holder, slots(1)))).await;
    assert_eq!(rig.reserved(server).await, slots(2), "a repeated claim keeps what it has");
    let rule = "a holder has a part on one server";
    rig.refuse(rule, None, claim(other, holder, slots(1)), Refused::InUse).await;
    let part = ReservationPart::Storage;
    let storage = Write::Reserve { server: other, holder, part, resources: slots(1), even_if_cordoned: false };
    rig.write(storage).await;
    let rows = store.reservations(server, true).await.expect("the store answers");
    assert_eq!(rows.len(), 1, "a repeated claim leaves one row");
    assert_eq!((rows[0].claimed_seq, rows[0].released_seq, rows[0].holder), (1, None, holder), "the row says so");
    rig.schedule(server, Scheduling::Cordoned).await;
    rig.write(claim(server, holder, slots(2))).await;
}

/// A repeated release is one release, and releases are kept as history.
pub async fn releases_are_idempotent(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let server = rig.server(slots(5)).await.id;
    let (first, second) = (rig.env.uuid(), rig.env.uuid());
    rig.commit(Change::default().with(claim(server, first, slots(2))).with(claim(server, second, slots(1)))).await;
    rig.commit(Change::default().with(release(first)).with(release(first))).await;
    rig.write(release(first)).await;
    rig.write(release(rig.env.uuid())).await;
    assert_eq!(rig.reserved(server).await, slots(1), "a repeated release gives back once");
    rig.commit(Change::default().with(claim(server, first, slots(3))).with(release(second))).await;
    let rows = store.reservations(server, true).await.expect("the store answers");
    let history: Vec<_> = rows.iter().map(|row| (row.holder, row.claimed_seq, row.released_seq)).collect();
    let expected = [(first, 1, Some(3)), (second, 2, Some(5)), (first, 4, None)];
    assert_eq!(history, expected, "the ledger numbers claims and releases together, in order of the claims");
    let live = store.reservations(server, false).await.expect("the store answers");
    assert_eq!(
        live.iter().map(|row| row.claimed_seq).collect::<Vec<_>>(),
        [4],
        "live reservations are those not released"
    );
}

/// A server that is not active takes only what must start there.
pub async fn closed_servers_take_forced_claims_only(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let server = rig.server(slots(2)).await.id;
    let forced = |server, amount| Write::Reserve {
        server,
        holder: rig.env.uuid(),
        part: ReservationPart::Compute,
        resources: slots(amount),
        even_if_cordoned: true,
    };
    for scheduling in [Scheduling::Cordoned, Scheduling::Draining] {
        rig.schedule(server, scheduling).await;
        let rule = "a server that is not active takes no new work";
        rig.refuse(rule, None, claim(server, rig.env.uuid(), slots(1)), Refused::ServerClosed).await;
        rig.write(forced(server, 1)).await;
    }
    rig.refuse("a forced claim needs room", None, forced(server, 1), full(Dimension::Slots)).await;
    let missing = ServerId::from_uuid(rig.env.uuid());
    let rule = "a missing server takes nothing";
    rig.refuse(rule, None, claim(missing, rig.env.uuid(), slots(0)), Refused::ServerClosed).await;
    rig.refuse(rule, None, forced(missing, 0), Refused::ServerClosed).await;
}

/// Amounts at the end of the range are refused like any that are too large.
pub async fn absurd_amounts_are_refused(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let server = rig.server(slots(2)).await.id;
    for amount in [u64::MAX, u64::MAX / 2, u64::MAX / 2 + 1] {
        let rule = "an absurd amount does not fit";
        rig.refuse(rule, None, claim(server, rig.env.uuid(), slots(amount)), full(Dimension::Slots)).await;
    }
    let huge = rig.server(slots(u64::MAX)).await;
    let record = store.server(huge.id).await.expect("the store answers").expect("it is there").record;
    assert_eq!(record, huge, "an absurd total comes back as written");
    rig.write(claim(huge.id, rig.env.uuid(), slots(u64::MAX / 2))).await;
}

/// Limits may be lowered below what is held; then nothing more fits until enough was given back.
pub async fn lowered_limits_take_no_more(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let record = rig.server(Resources { disk_gib: 10, ..slots(10) }).await;
    let holders: Vec<Uuid> = (0..4).map(|_| rig.env.uuid()).collect();
    for holder in &holders {
        rig.write(claim(record.id, *holder, slots(2))).await;
    }
    let lower = |slots, revision| Write::UpdateServer {
        record: ServerRecord { totals: Resources { slots, ..record.totals }, ..record.clone() },
        expected: revision,
    };
    rig.write(lower(3, 1)).await;
    assert_eq!(rig.reserved(record.id).await, slots(8), "what is held stays held");
    let one = || claim(record.id, rig.env.uuid(), slots(1));
    rig.refuse("a lowered limit takes no more", None, one(), full(Dimension::Slots)).await;
    let disk = claim(record.id, rig.env.uuid(), Resources { disk_gib: 1, ..Resources::default() });
    rig.write(disk).await;
    for holder in &holders[..3] {
        rig.refuse("a lowered limit takes no more until enough is given back", None, one(), full(Dimension::Slots))
            .await;
        rig.write(release(*holder)).await;
    }
    rig.write(one()).await;
    rig.refuse("a lowered limit is the limit", None, one(), full(Dimension::Slots)).await;
    rig.write(lower(4, 2)).await;
    rig.write(one()).await;
    rig.refuse("a raised limit is the limit", None, one(), full(Dimension::Slots)).await;
}

/// What is for data jobs is nobody else's, before and after an edit.
pub async fn what_is_for_data_jobs_is_no_room(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let memory = |memory_mib| Resources { memory_mib, ..Resources::default() };
    let record = ServerRecord { for_jobs: memory(100), ..rig.server_row(memory(1_000)) };
    rig.write(Write::InsertServer(record.clone())).await;
    let claim = |amount| claim(record.id, rig.env.uuid(), memory(amount));
    rig.refuse("the room of data jobs is not claimed", None, claim(901), full(Dimension::Memory)).await;
    rig.write(claim(900)).await;
    let edit = |for_jobs, revision| Write::UpdateServer {
        record: ServerRecord { for_jobs: memory(for_jobs), ..record.clone() },
        expected: revision,
    };
    rig.write(edit(50, 1)).await;
    rig.refuse("an edit moves the limit", None, claim(51), full(Dimension::Memory)).await;
    rig.write(claim(50)).await;
    rig.write(edit(2_000, 2)).await;
    rig.refuse("more than there is leaves nothing", None, claim(1), full(Dimension::Memory)).await;
}

/// A hundred claims at once on servers with room for forty: forty fit.
pub async fn concurrent_claims_never_exceed_the_room(stores: &[Arc<dyn StateStore>]) {
    let rigs: Vec<_> = stores.iter().map(|store| Rig::new(&**store)).collect();
    let rig = &rigs[0];
    let room = Resources { memory_mib: 2_000, ..slots(100) };
    let servers = [rig.server(room).await.id, rig.server(room).await.id];
    let fence = rig.lease("m", LONG).await;
    let need = Resources { memory_mib: 100, ..slots(1) };
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let (store, fence) = (stores[n % stores.len()].clone(), fence.clone());
            tokio::spawn(async move {
                let rig = Rig::new(&*store);
                let holder = rig.env.uuid();
                // Like the orchestrator: refused here, tried there.
                for server in [servers[n % 2], servers[(n + 1) % 2]] {
                    let change = Change::by(&fence).with(claim(server, holder, need)).with(rig.event(server.as_uuid()));
                    match rig.try_commit(change).await {
                        Ok(_) => return true,
                        Err(refused) => assert_eq!(refused, full(Dimension::Memory), "a full server says so"),
                    }
                }
                false
            })
        })
        .collect();
    let fitted = join_all(tasks).await.into_iter().filter(|fitted| *fitted.as_ref().expect("no claim panics")).count();
    assert_eq!(fitted, 40, "a hundred claims for room of forty: exactly forty fit");
    for server in servers {
        assert_eq!(rig.reserved(server).await, Resources { memory_mib: 2_000, ..slots(20) }, "each server is full");
        assert_eq!(rig.seqs(server.as_uuid()).await, (1..=20).collect::<Vec<_>>(), "each claim has its event");
    }
}

/// At no number of a server's ledger was more held than its limits, and the sum of what is live is what is reserved.
pub async fn history_is_never_over_the_limit(stores: &[Arc<dyn StateStore>]) {
    let rig = Rig::new(&*stores[0]);
    let server = rig.server(slots(7)).await.id;
    let tasks: Vec<_> = (0..12_u64)
        .map(|n| {
            let store = stores[usize::try_from(n).unwrap_or(0) % stores.len()].clone();
            tokio::spawn(async move {
                let rig = Rig::new(&*store);
                let holder = rig.env.uuid();
                for _ in 0..6 {
                    let _ = rig.try_commit(Change::default().with(claim(server, holder, slots(1 + n % 3)))).await;
                    if n != 0 {
                        rig.write(release(holder)).await;
                    }
                }
            })
        })
        .collect();
    for task in join_all(tasks).await {
        task.expect("no claim panics");
    }
    let rows = stores[0].reservations(server, true).await.expect("the store answers");
    let last = rows.iter().flat_map(|row| [Some(row.claimed_seq), row.released_seq]).flatten().max().unwrap_or(0);
    let mut numbers: Vec<u64> =
        rows.iter().flat_map(|row| [Some(row.claimed_seq), row.released_seq]).flatten().collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "a ledger's numbers have no holes");
    for seq in 1..=last {
        let held = rows
            .iter()
            .filter(|row| row.claimed_seq <= seq && row.released_seq.is_none_or(|released| released > seq))
            .fold(Resources::default(), |sum, row| sum.plus(row.resources));
        assert!(held.slots <= 7, "after number {seq} of the ledger no more than the limit is held: {held:?}");
        if seq == last {
            assert_eq!(rig.reserved(server).await, held, "what is reserved is the sum of what is live");
        }
    }
}

/// Claims of one holder at once are one claim.
pub async fn concurrent_claims_of_one_holder_are_one(stores: &[Arc<dyn StateStore>]) {
    let rigs: Vec<_> = stores.iter().map(|store| Rig::new(&**store)).collect();
    let servers = [rigs[0].server(slots(9)).await.id, rigs[0].server(slots(9)).await.id];
    let holder = rigs[0].env.uuid();
    let claims = (0..20).map(|n| {
        let change = Change::default().with(claim(servers[n % 2], holder, slots(1)));
        rigs[n % rigs.len()].try_commit(change)
    });
    for answer in join_all(claims).await {
        assert!(matches!(answer, Ok(_) | Err(Refused::InUse)), "a repeated claim is one claim: {answer:?}");
    }
    let held = rigs[0].reserved(servers[0]).await.plus(rigs[0].reserved(servers[1]).await);
    assert_eq!(held, slots(1), "claims of one holder at once are one claim");
}
