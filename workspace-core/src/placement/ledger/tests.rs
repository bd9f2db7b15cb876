//! The scan, the index and a plain comparison of all servers must be one.

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::clock::Timestamp;
use crate::id::ServerId;
use crate::label::{LabelRequirements, Labels};
use crate::model::{Availability, Scheduling, ServerObservation, ServerRecord, ServerSpec, ServerState};
use crate::placement::{Order, PlacementRequest};
use crate::resources::Resources;

/// What happens to a fleet.
#[derive(Clone, Debug)]
enum Step {
    Insert { number: u8, shape: u8, labels: u8, soft: Option<u8> },
    Remove { number: u8 },
    Availability { number: u8, healthy: bool },
    Cordon { number: u8, cordoned: bool },
    Busy { number: u8, busy: bool },
    Shape { number: u8, shape: u8 },
    Reserve { number: u8, size: u8 },
    Release { nth: u8 },
    Place { size: u8, labels: u8, fullest: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0_u8..80;
    prop_oneof![
        4 => (number(), 0_u8..4, 0_u8..4, prop::option::of(0_u8..3))
            .prop_map(|(number, shape, labels, soft)| Step::Insert { number, shape, labels, soft }),
        1 => number().prop_map(|number| Step::Remove { number }),
        1 => (number(), any::<bool>()).prop_map(|(number, healthy)| Step::Availability { number, healthy }),
        1 => (number(), any::<bool>()).prop_map(|(number, cordoned)| Step::Cordon { number, cordoned }),
        1 => (number(), any::<bool>()).prop_map(|(number, busy)| Step::Busy { number, busy }),
        1 => (number(), 0_u8..4).prop_map(|(number, shape)| Step::Shape { number, shape }),
        3 => (number(), any::<u8>()).prop_map(|(number, size)| Step::Reserve { number, size }),
        3 => any::<u8>().prop_map(|nth| Step::Release { nth }),
        8 => (any::<u8>(), 0_u8..8, any::<bool>())
            .prop_map(|(size, labels, fullest)| Step::Place { size, labels, fullest }),
    ]
}

/// The last shape has nothing at all.
fn totals(shape: u8) -> Resources {
    let gpus = u64::from(shape == 2) * 2;
    let base = Resources { cpu_millis: 4_000, memory_mib: 8_192, disk_gib: 50, slots: 6, gpus };
    match shape {
        3 => Resources::default(),
        1 => base.plus(base),
        _ => base,
    }
}

fn labels(kind: u8) -> Labels {
    let label = |name: &str, on: bool| (name.to_owned(), on.to_string());
    [label("ssd", kind & 1 > 0), label("eu", kind & 2 > 0)].into()
}

fn resources(size: u8) -> Resources {
    let amount = |shift: u8, unit: u64| u64::from(size >> shift & 3) * unit;
    let gpus = u64::from(size >> 6 == 3);
    Resources { cpu_millis: amount(0, 700), memory_mib: amount(2, 1_500), disk_gib: amount(4, 9), slots: 1, gpus }
}

fn request(size: u8, wanted: u8) -> PlacementRequest {
    let part = |kind: u8, name: &str| labels(kind).remove_entry(name).into_iter().collect::<Labels>();
    let labels = match wanted {
        0..=3 => LabelRequirements { must: part(wanted, "ssd"), prefer: part(wanted, "eu"), ..Default::default() },
        4 => LabelRequirements { must_not: part(1, "ssd"), ..Default::default() },
        5 => LabelRequirements::must([("nobody".to_owned(), "has".to_owned())].into()),
        _ => LabelRequirements::default(),
    };
    PlacementRequest { resources: resources(size), labels, ..PlacementRequest::default() }
}

/// Not in the order of numbers.
fn id(number: u8) -> ServerId {
    ServerId::from_uuid(Uuid::from_u128(u128::from(number.reverse_bits())))
}

fn server(number: u8, shape: u8, kind: u8, soft: Option<u8>) -> ServerState {
    let mut spec = ServerSpec::new(format!("ws-{number}"), "sim://");
    spec.labels = labels(kind);
    spec.soft_max_workspaces = soft.map(u32::from);
    ServerState {
        record: ServerRecord::new(id(number), spec, totals(shape), Timestamp::default()),
        observation: ServerObservation { availability: Availability::Healthy, ..ServerObservation::default() },
        reserved: Resources::default(),
        workspaces: 0,
    }
}

/// The servers as they are, and the two ledgers that must say the same of them.
struct Fleet {
    servers: Vec<(ServerState, bool)>,
    live: Vec<(ServerId, Resources)>,
    ledgers: [Ledger; 3],
}

impl Fleet {
    fn find(&mut self, number: u8) -> Option<&mut (ServerState, bool)> {
        self.servers.iter_mut().find(|(server, _)| server.record.id == id(number))
    }

    fn put(&mut self, server: &ServerState, busy: bool) {
        for ledger in &mut self.ledgers {
            let key = ledger.put(server);
            ledger.set_busy(key, busy);
        }
    }

    fn edit(&mut self, number: u8, edit: impl FnOnce(&mut ServerState)) {
        if let Some((server, busy)) = self.find(number) {
            edit(server);
            let (server, busy) = (server.clone(), *busy);
            self.put(&server, busy);
        }
    }

    /// The best server by comparing all: the definition that the search must meet.
    fn best(&self, request: &PlacementRequest, order: Order) -> Option<ServerId> {
        let able = self.servers.iter().filter(|(server, _)| {
            server.observation.availability == Availability::Healthy
                && server.record.scheduling == Scheduling::Active
                && request.labels.first_unmet(&server.record.spec.labels).is_none()
                && request.resources.first_over(&server.free()).is_none()
                && !request.excluded.contains(&server.record.id)
        });
        let best = able.min_by_key(|(server, busy)| {
            let soft = server.record.spec.soft_max_workspaces.is_some_and(|soft| server.reserved.slots >= soft.into());
            let after = server.reserved.plus(request.resources);
            let limits = server.record.limits().amounts();
            let shares = after.amounts().into_iter().zip(limits).zip([1_u64, 1, 1, 1, 3]);
            let share = |((used, limit), counts): ((u64, u64), u64)| {
                ((counts << 28).checked_div(limit).unwrap_or(0) * used).cast_signed()
            };
            let full: i64 = shares.map(share).sum();
            let preferred = std::cmp::Reverse(request.labels.preferred(&server.record.spec.labels));
            let rank = if order == Order::Fullest { -full } else { full };
            (soft || *busy, rank, preferred, server.record.id)
        });
        best.map(|(server, _)| server.record.id)
    }

    fn reserve(&mut self, id: ServerId, resources: Resources) {
        let Some((server, _)) = self.servers.iter_mut().find(|(server, _)| server.record.id == id) else { return };
        let fits = resources.first_over(&server.free()).is_none();
        for ledger in &mut self.ledgers {
            let key = ledger.key(id).unwrap();
            assert_eq!(ledger.reserve(key, resources).is_ok(), fits);
        }
        if fits {
            server.reserved = server.reserved.plus(resources);
            self.live.push((id, resources));
        }
    }

    fn release(&mut self, nth: u8) {
        if self.live.is_empty() {
            return;
        }
        let (id, resources) = self.live.swap_remove(usize::from(nth) % self.live.len());
        if let Some((server, _)) = self.servers.iter_mut().find(|(server, _)| server.record.id == id) {
            server.reserved = server.reserved.minus(resources);
        }
        for ledger in &mut self.ledgers {
            if let Some(key) = ledger.key(id) {
                ledger.release(key, resources);
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Insert { number, shape, labels, soft } => {
                if self.find(number).is_none() {
                    let server = server(number, shape, labels, soft);
                    self.put(&server, false);
                    self.servers.push((server, false));
                }
            }
            Step::Remove { number } => {
                let Some((gone, _)) = self.find(number).cloned() else { return };
                self.servers.retain(|(server, _)| server.record.id != gone.record.id);
                self.live.retain(|&(id, _)| id != gone.record.id);
                for ledger in &mut self.ledgers {
                    ledger.remove(gone.record.id);
                }
            }
            Step::Availability { number, healthy } => self.edit(number, |server| {
                server.observation.availability = if healthy { Availability::Healthy } else { Availability::Offline };
            }),
            Step::Cordon { number, cordoned } => self.edit(number, |server| {
                server.record.scheduling = if cordoned { Scheduling::Cordoned } else { Scheduling::Active };
            }),
            Step::Busy { number, busy } => {
                if let Some(server) = self.find(number) {
                    server.1 = busy;
                }
                self.edit(number, |_| ());
            }
            // Also below what is reserved.
            Step::Shape { number, shape } => self.edit(number, |server| server.record.totals = totals(shape)),
            Step::Reserve { number, size } => {
                if let Some(id) = self.find(number).map(|(server, _)| server.record.id) {
                    self.reserve(id, resources(size));
                }
            }
            Step::Release { nth } => self.release(nth),
            Step::Place { size, labels, fullest } => {
                let order = if fullest { Order::Fullest } else { Order::Emptiest };
                let mut request = request(size, labels);
                let first = self.check(&request, order);
                if let Some(id) = first {
                    request.excluded = [id].into();
                    self.check(&request, order);
                    self.reserve(id, request.resources);
                }
            }
        }
    }

    /// Every ledger gives the server that the definition gives, in time and turn.
    fn check(&self, request: &PlacementRequest, order: Order) -> Option<ServerId> {
        let expected = self.best(request, order);
        let turns = |ledger: &Ledger| {
            let ask = ledger.prepare(request);
            let server = |cursor| Some(ledger.server(ledger.next_in_turn(&ask, cursor, None).server?).unwrap().id());
            [0, 5, u64::MAX].map(server)
        };
        let expected_turns = turns(&self.ledgers[0]);
        for ledger in &self.ledgers {
            let ask = ledger.prepare(request);
            let id = |found: Found| found.server.map(|key| ledger.server(key).unwrap().id());
            assert_eq!(id(ledger.best(&ask, order, None)), expected);
            assert_eq!(id(ledger.best(&ask, order, Some(&|_| true))), expected);
            let whole = Tolerance { thousandths: 6_000, seed: 7 };
            assert_eq!(ledger.best_within(&ask, order, whole, None).server.is_some(), expected.is_some());
            let able: BTreeSet<_> =
                ledger.servers().filter(|server| server.refusal(&ask).is_none()).map(|server| server.id()).collect();
            assert_eq!(expected.is_some(), !able.is_empty());
            let turns = turns(ledger);
            assert_eq!(turns, expected_turns);
            assert!(turns.iter().all(|turn| turn.map_or(able.is_empty(), |turn| able.contains(&turn))));
        }
        expected
    }

    fn check_books(&self) {
        for ledger in &self.ledgers {
            assert_eq!(ledger.len(), self.servers.len());
            for (server, _) in &self.servers {
                let view = ledger.server(ledger.key(server.record.id).unwrap()).unwrap();
                assert_eq!(view.reserved(), server.reserved);
                let live = self.live.iter().filter(|&&(id, _)| id == server.record.id);
                let sum = live.fold(Resources::default(), |sum, &(_, resources)| sum.plus(resources));
                assert_eq!(view.reserved(), sum);
            }
        }
    }
}

proptest! {
    #![proptest_config(crate::placement::tried())]

    #[test]
    fn scan_index_and_comparing_all_are_one(steps in prop::collection::vec(step(), 1..60)) {
        let ledgers = [Ledger::scanning(), Ledger::indexing(), Ledger::default()];
        let mut fleet = Fleet { servers: Vec::new(), live: Vec::new(), ledgers };
        for number in 0..40 {
            fleet.step(&Step::Insert { number, shape: number % 3, labels: number / 16, soft: None });
        }
        for step in steps {
            fleet.step(&step);
        }
        fleet.check_books();
        // A ledger made at once, in any order, is the one that grew.
        let servers: Vec<_> = fleet.servers.iter().rev().map(|(server, _)| server.clone()).collect();
        for (server, busy) in &mut fleet.servers {
            *busy = false;
            for ledger in &mut fleet.ledgers {
                let key = ledger.key(server.record.id).unwrap();
                ledger.set_busy(key, false);
            }
        }
        fleet.ledgers[0] = Ledger::new(&servers);
        for size in [1, 0b1110_0101, 0b0001_1011] {
            fleet.check(&request(size, 7), Order::Emptiest);
            fleet.check(&request(size, 1), Order::Fullest);
        }
    }
}

#[test]
fn an_index_of_thousands_stays_true_while_it_churns() {
    let mut ledgers = [Ledger::scanning(), Ledger::indexing()];
    for number in 0..1_000_u32 {
        let mut one = server(0, 1, 0, None);
        one.record.id = ServerId::from_uuid(Uuid::from_u128(u128::from(number.reverse_bits())));
        one.record.spec.name = number.to_string();
        for ledger in &mut ledgers {
            ledger.put(&one);
        }
    }
    let entropy = std::cell::Cell::new(1_u64);
    let dice = || {
        entropy.set(crate::environment::mix(entropy.get()));
        entropy.get()
    };
    let mut live = Vec::new();
    for turn in 0..20_000 {
        let ask = ledgers[0].prepare(&request(u8::try_from(dice() % 256).unwrap(), 7));
        let order = if turn / 2_500 % 2 == 0 { Order::Emptiest } else { Order::Fullest };
        let found = ledgers[1].best(&ask, order, None);
        assert_eq!(ledgers[0].best(&ask, order, None).server, found.server, "turn {turn}");
        if let Some(key) = found.server {
            for ledger in &mut ledgers {
                ledger.reserve(key, ask.resources).unwrap();
            }
            live.push((key, ask.resources));
        }
        if !live.is_empty() && (live.len() > 4_500 || found.server.is_none()) {
            let at = usize::try_from(dice()).unwrap() % live.len();
            let (key, resources) = live.swap_remove(at);
            for ledger in &mut ledgers {
                ledger.release(key, resources);
            }
        }
    }
    for (key, resources) in live {
        for ledger in &mut ledgers {
            ledger.release(key, resources);
        }
    }
    assert!(ledgers.iter().all(|ledger| ledger.servers().all(|server| server.reserved().is_zero())));
}

#[test]
fn masters_choose_differently_among_near_equals() {
    let servers: Vec<_> = (0..40).map(|number| server(number, 0, 0, None)).collect();
    let ledger = Ledger::new(&servers);
    let ask = ledger.prepare(&request(1, 7));
    let choose =
        |thousandths, seed| ledger.best_within(&ask, Order::Emptiest, Tolerance { thousandths, seed }, None).server;
    assert_eq!(choose(0, 1), choose(0, 2));
    let chosen: BTreeSet<_> = (0..40).map(|seed| choose(1, seed)).collect();
    assert!(chosen.len() > 15, "{} different servers", chosen.len());
    assert_eq!(choose(1, 3), choose(1, 3));
}

#[test]
fn what_is_absurd_is_refused_and_changes_nothing() {
    let mut ledger = Ledger::new(&[server(1, 0, 0, None), server(2, 3, 0, None)]);
    let before: Vec<_> = ledger.servers().map(|server| server.reserved()).collect();
    let most = Resources::default().zip(Resources::default(), |_, _| u64::MAX);
    let ask = ledger.prepare(&PlacementRequest { resources: most, ..PlacementRequest::default() });
    assert_eq!(ledger.best(&ask, Order::Emptiest, None).server, None);
    assert_eq!(ledger.next_in_turn(&ask, 3, None).server, None);
    let key = ledger.key_of_name("ws-1").unwrap();
    assert!(ledger.reserve(key, most).is_err());
    ledger.release(key, most);
    assert_eq!(ledger.servers().map(|server| server.reserved()).collect::<Vec<_>>(), before);
    ledger.remove(ledger.server(key).unwrap().id());
    assert_eq!(ledger.reserve(key, Resources::default()).unwrap_err().dimension, None);
    // A server with totals of zero takes a request of nothing, and nothing else.
    let nothing = ledger.prepare(&PlacementRequest::default());
    assert_eq!(ledger.best(&nothing, Order::Fullest, None).server, ledger.key_of_name("ws-2"));
    assert_eq!(Ledger::default().best(&nothing, Order::Fullest, None).server, None);
    assert_eq!(Ledger::default().next_in_turn(&nothing, 1, None).server, None);
}
