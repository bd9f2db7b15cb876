use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::clock::Timestamp;
use crate::id::ServerId;
use crate::model::{Availability, ServerObservation, ServerRecord, ServerSpec, ServerState, StrategyKind};
use crate::placement::{BestFit, Ledger, ServerKey, built_in};
use crate::resources::Resources;

/// A server with room for four, of one of some kinds.
fn server(number: u8, kind: u8) -> ServerState {
    let mut spec = ServerSpec::new(format!("ws-{number}"), "sim://");
    spec.labels.insert("kind".to_owned(), kind.to_string());
    let memory_mib = 4_000 * u64::from(kind % 2 + 1);
    ServerState {
        record: ServerRecord::new(
            ServerId::from_uuid(Uuid::from_u128(u128::from(number.reverse_bits()))),
            spec,
            Resources { cpu_millis: 4_000, memory_mib, disk_gib: 100, slots: 4, gpus: 0 },
            Timestamp::default(),
        ),
        observation: ServerObservation { availability: Availability::Healthy, ..ServerObservation::default() },
        reserved: Resources::default(),
        workspaces: 0,
    }
}

fn asks() -> PlacementRequest {
    let resources = Resources { cpu_millis: 1_000, memory_mib: 1_000, slots: 1, ..Resources::default() };
    PlacementRequest { resources, ..PlacementRequest::default() }
}

fn parts(of: u64) -> impl Iterator<Item = Part> {
    (0..of).map(move |number| Part { number, of })
}

fn choose(
    strategy: &dyn PlacementStrategy,
    ledger: &Ledger,
    request: &PlacementRequest,
    part: Part,
) -> Option<ServerKey> {
    let (ask, cx) = (ledger.prepare(request), PlacementContext { part, ..PlacementContext::default() });
    strategy.select(FleetView::new(ledger, request, &ask), cx).map(|chosen| chosen.server)
}

fn place(ledger: &mut Ledger, strategy: &dyn PlacementStrategy, part: Part) -> ServerKey {
    let server = choose(strategy, ledger, &asks(), part).unwrap();
    ledger.reserve(server, asks().resources).unwrap();
    server
}

proptest! {
    #![proptest_config(crate::placement::tried())]

    #[test]
    fn every_server_is_in_one_part_and_parts_are_alike(
        servers in prop::collection::btree_map(0_u8..100, 0_u8..4, 0..60), masters in 1_u64..6,
    ) {
        let servers: Vec<_> = servers.into_iter().map(|(number, kind)| server(number, kind)).collect();
        let ledger = Ledger::new(servers.iter().rev());
        let mut seen = BTreeSet::new();
        let mut sizes: BTreeMap<Option<String>, BTreeMap<u64, usize>> = BTreeMap::new();
        for part in parts(masters) {
            let deal = ledger.deal(part);
            for mine in ledger.servers().filter(|server| deal.is_mine(server)) {
                prop_assert!(seen.insert(mine.id()));
                for kind in [None, mine.labels().get("kind").cloned()] {
                    *sizes.entry(kind).or_insert_with(|| (0..masters).map(|number| (number, 0)).collect())
                        .entry(part.number).or_default() += 1;
                }
            }
        }
        prop_assert_eq!(seen.len(), servers.len());
        for sizes in sizes.values() {
            prop_assert!(sizes.values().max().unwrap() - sizes.values().min().unwrap() <= 1);
        }
    }
}

#[test]
fn masters_that_fill_do_not_meet_while_their_parts_have_room() {
    let servers: Vec<_> = (0..6).map(|number| server(number, 0)).collect();
    for kind in [StrategyKind::BestFit, StrategyKind::LeastFragmentation] {
        let (strategy, mut ledger) = (built_in(kind), Ledger::new(&servers));
        let mut taken: Vec<BTreeSet<ServerKey>> = vec![BTreeSet::new(); 3];
        for _ in 0..8 {
            for (part, taken) in parts(3).zip(&mut taken) {
                taken.insert(place(&mut ledger, strategy.as_ref(), part));
            }
        }
        // Two servers each, of which the second was begun when the first was full.
        assert!(taken.iter().all(|taken| taken.len() == 2), "{taken:?}");
        assert_eq!(taken.iter().flatten().collect::<BTreeSet<_>>().len(), 6);
    }
}

#[test]
fn a_full_part_does_not_refuse_and_a_soft_limit_is_kept() {
    let mut servers: Vec<_> = (0..4).map(|number| server(number, 0)).collect();
    let (strategy, part) = (OwnPartFirst(BestFit), Part { number: 0, of: 2 });
    let mut ledger = Ledger::new(&servers);
    let all: BTreeSet<_> = (0..16).map(|_| place(&mut ledger, &strategy, part)).collect();
    assert_eq!(all.len(), 4);
    assert_eq!(choose(&strategy, &ledger, &asks(), part), None);
    // Above the soft limits of the own part the others come first, and then the own again.
    for server in &mut servers {
        server.record.spec.soft_max_workspaces = Some(2);
    }
    let mut ledger = Ledger::new(&servers);
    let order: Vec<_> = (0..16).map(|_| place(&mut ledger, &strategy, part)).collect();
    let (below, above) = order.split_at(8);
    assert_eq!(below.iter().collect::<BTreeSet<_>>().len(), 4, "{order:?}");
    assert_eq!(above.iter().collect::<BTreeSet<_>>().len(), 4, "{order:?}");
}

#[test]
fn what_is_required_elsewhere_goes_there() {
    let servers = [server(1, 0), server(2, 0)];
    let ledger = Ledger::new(&servers);
    for part in parts(2) {
        let request = PlacementRequest { server: Some("ws-2".to_owned()), required: true, ..asks() };
        assert_eq!(choose(&OwnPartFirst(BestFit), &ledger, &request, part), ledger.key(servers[1].record.id));
    }
}

#[test]
fn a_master_counts_itself_and_knows_its_place_by_its_name() {
    let names = |names: &[&str]| names.iter().map(|&name| MasterId::new(name)).collect::<Vec<_>>();
    let b = MasterId::new("b");
    assert!(Part::among(&b, &[]).is_whole());
    assert!(Part::among(&b, &names(&["b"])).is_whole());
    assert_eq!(Part::among(&b, &names(&["c", "b", "a"])), Part { number: 1, of: 3 });
    assert_eq!(Part::among(&b, &names(&["c", "a"])), Part { number: 1, of: 3 });
}
