//! What must hold after every commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::event::Event;
use crate::id::{ServerId, WorkspaceId};
use crate::model::{Reservation, ReservationPart, ServerState, Status, Workspace};
use crate::port::{ObjectKind, PageRequest, StateStore};
use crate::resources::Resources;
use crate::testing::sim::World;
use crate::testing::sim::machine::{Machine, read};
use crate::testing::sim::run::copies::Copies;
use crate::testing::sim::run::history::rows;
use crate::testing::sim::run::usage;

/// What was seen of the rows so far.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    workspaces: Mutex<BTreeMap<WorkspaceId, Seen>>,
    copies: Copies,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    revision: u64,
    generation: u64,
    ran: u64,
    server: Option<ServerId>,
    leaves: bool,
    listed: bool,
}

/// Why a start may be given up. Anything else is a mistake of ours.
const REASONS: [&str; 7] = [
    "image_not_found",
    "not_running",
    "timeout",
    "server_unreachable",
    "store_unavailable",
    "disk_full",
    "foreign_object",
];

impl Watch {
    /// Looks at everything that the store holds.
    pub(in crate::testing::sim) async fn look(&self, world: &World, store: &dyn StateStore) {
        let stand_ins = stand_ins(store).await;
        for server in store.servers().await.unwrap_or_default() {
            let name = &server.record.spec.name;
            if let Some(dimension) = server.reserved.first_over(&server.record.limits()) {
                world.violation(&format_args!("I1 {name} is reserved over its limit: {dimension}"));
            }
            let live = store.reservations(server.record.id, false).await.unwrap_or_default();
            let sum = live.iter().fold(Resources::default(), |sum, one| sum.plus(one.resources));
            if sum != server.reserved {
                world.violation(&format_args!("I10 {name} has {:?} reserved, its rows say {sum:?}", server.reserved));
            }
            running(world, &server, &live, &stand_ins);
        }
        let rows = rows(store).await;
        self.copies.look(world, store, &rows).await;
        usage::open(world, store, &rows).await;
        let mut seen = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, seen) in seen.iter_mut() {
            seen.listed &= rows.iter().any(|row| row.id == *id);
        }
        for row in rows {
            let (generation, ran) = (row.desired.generation, row.observed.generation);
            let (revision, server) = (row.revision, row.desired.server);
            let leaves = row.desired.switch.is_some();
            let now = Seen { revision, generation, ran, server, leaves, listed: true };
            let before = seen.insert(row.id, now).unwrap_or(now);
            if !before.listed {
                world.violation(&format_args!("I8 {} came back", row.id));
            }
            // On another server nothing of it ran yet; nor is anything left on the one that it was about to leave.
            let stayed = now.server == before.server && !(before.leaves && ran == 0);
            let back = now.revision < before.revision || now.generation < before.generation;
            let back = back || (stayed && now.ran < before.ran);
            if back || now.ran > now.generation {
                world.violation(&format_args!("I8 {} went from {before:?} to {now:?}", row.id));
            }
        }
    }

    /// Looks at the whole past, once, at the end.
    pub(super) async fn look_back(&self, world: &World, store: &dyn StateStore) {
        for server in store.servers().await.unwrap_or_default() {
            let history = store.reservations(server.record.id, true).await.unwrap_or_default();
            let mut ledger = BTreeMap::new();
            for one in &history {
                ledger.insert(one.claimed_seq, (true, one.resources));
                if let Some(seq) = one.released_seq {
                    ledger.insert(seq, (false, one.resources));
                }
            }
            let mut used = Resources::default();
            for (seq, (claimed, amount)) in ledger {
                used = if claimed { used.plus(amount) } else { used.minus(amount) };
                if let Some(dimension) = used.first_over(&server.record.limits()) {
                    let name = &server.record.spec.name;
                    world.violation(&format_args!("I1 {name} was over its limit at claim {seq}: {dimension}"));
                }
            }
        }
        let known: Vec<_> = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        for id in known {
            let events = store.events(id.as_uuid(), 0, u32::MAX).await.unwrap_or_default();
            usage::past(world, store, id, &events).await;
            let row = store.workspace(id).await.ok().flatten();
            story(world, id, &events, row.is_none_or(|row| row.observed.status == Status::Deleted));
        }
    }
}

/// Who holds the place of a workspace that was sent elsewhere, on the server that was lost.
async fn stand_ins(store: &dyn StateStore) -> BTreeMap<Uuid, BTreeSet<Uuid>> {
    let all = PageRequest { after: None, limit: 10_000 };
    let projects = store.projects(None, all).await.map(|page| page.items).unwrap_or_default();
    let rescues = projects.iter().flat_map(|project| &project.rescues);
    let rescues = rescues.map(|rescue| (rescue.workspace.as_uuid(), rescue.holder));
    let job = |row: &Workspace| Some((row.id.as_uuid(), row.desired.switch?.way()?.job?.as_uuid()));
    let rows = rows(store).await;
    let mut all: BTreeMap<Uuid, BTreeSet<Uuid>> = BTreeMap::new();
    for (workspace, holder) in rescues.chain(rows.iter().filter_map(job)) {
        all.entry(workspace).or_default().insert(holder);
    }
    all
}

/// What runs holds at least what it may use, but for what was started by a request whose caller had given up.
fn running(world: &World, server: &ServerState, live: &[Reservation], stand_ins: &BTreeMap<Uuid, BTreeSet<Uuid>>) {
    let over = |machine: &mut Machine| {
        let containers = machine.containers.values().filter(|one| one.is_running() && !one.ghost && !one.is_foreign());
        let over = containers.filter_map(|one| {
            let labels = read(&one.labels).filter(|labels| labels.kind == ObjectKind::Workspace)?;
            let its = |holder| {
                holder == labels.subject || stand_ins.get(&labels.subject).is_some_and(|all| all.contains(&holder))
            };
            let holds = |held: &&Reservation| its(held.holder) && held.part == ReservationPart::Compute;
            let held = live.iter().find(holds).map(|held| held.resources).unwrap_or_default();
            let spec = &one.spec;
            (spec.cpu_millis > held.cpu_millis || spec.memory_mib > held.memory_mib).then(|| {
                format!("I1 {} runs with {} m, {} MiB and holds {held:?}", spec.name, spec.cpu_millis, spec.memory_mib)
            })
        });
        over.collect::<Vec<_>>()
    };
    let name = server.record.spec.endpoint.trim_start_matches("sim://");
    for what in world.look(name, over).into_iter().flatten() {
        world.violation(&what);
    }
}

/// What the events of one workspace tell, from the first to the last.
fn story(world: &World, id: WorkspaceId, events: &[Event], gone: bool) {
    if let Some((at, event)) = events.iter().enumerate().find(|(at, event)| event.seq != *at as u64 + 1) {
        world.violation(&format_args!("I5 event {} of {id} stands at {at}", event.seq));
    }
    let of = |kind: &'static str| events.iter().filter(move |event| event.kind == kind);
    // What ended has a code; what was never started has not.
    if let Some(death) =
        of("workspace.died").find(|event| event.data["code"] == "exited" && event.data["exit_code"].is_null())
    {
        world.violation(&format_args!("{id} is said to have died without an end: {}", death.data));
    }
    deaths(world, id, events);
    if gone && of("workspace.deleted").count() != 1 {
        world.violation(&format_args!("I5 {id} is gone without exactly one workspace.deleted"));
    }
    for event in of("workspace.failed") {
        let code = event.data.get("code").and_then(serde_json::Value::as_str).unwrap_or_default();
        // What a job says of filling the data is its own.
        if !REASONS.contains(&code) && event.data["step"] != "filled" {
            world.violation(&format_args!("{id} was given up: {}", event.data));
        }
    }
}

/// No generation of a workspace is said to have died more often than its program ended.
fn deaths(world: &World, id: WorkspaceId, events: &[Event]) {
    let mut generation = 0;
    let mut deaths: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for event in events {
        match event.kind.as_str() {
            "workspace.running" => generation = event.data["generation"].as_u64().unwrap_or(0),
            "workspace.died" => {
                let (died, for_memory) = deaths.entry(generation).or_default();
                *died += 1;
                *for_memory += u64::from(event.data["code"] == "out_of_memory");
            }
            _ => {}
        }
    }
    for (generation, said) in deaths {
        let was = world.ends_of(id.as_uuid(), generation);
        if said.0 > was.0 || said.1 > was.1 {
            let what = format_args!("generation {generation} of {id} is said to have died {said:?} times");
            world.violation(&format_args!("{what} (all, for memory), and did {was:?}"));
        }
    }
}
