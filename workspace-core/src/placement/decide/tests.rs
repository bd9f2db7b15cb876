use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::label::LabelRequirements;
use crate::model::{Availability, Scheduling, ServerObservation, ServerRecord, ServerSpec, ServerState, StrategyKind};
use crate::placement::{
    Affinity, BestFit, ByScore, Filtered, LISTED, LeastFragmentation, RoundRobin, ServerFilter, ServerScore, Spread,
    Verdict, built_in,
};
use crate::resources::{Dimension, Resources};

fn server(number: u128, cpu: u64, reserved: u64) -> ServerState {
    let mut spec = ServerSpec::new(format!("ws-{number}"), "sim://");
    spec.labels.insert("number".to_owned(), number.to_string());
    ServerState {
        record: ServerRecord::new(
            ServerId::from_uuid(Uuid::from_u128(number)),
            spec,
            Resources { cpu_millis: cpu, memory_mib: 4_096, disk_gib: 100, slots: 10, gpus: 0 },
            Timestamp::default(),
        ),
        observation: ServerObservation { availability: Availability::Healthy, ..ServerObservation::default() },
        reserved: Resources { cpu_millis: reserved, ..Resources::default() },
        workspaces: 0,
    }
}

fn asks(cpu: u64) -> PlacementRequest {
    let resources = Resources { cpu_millis: cpu, slots: 1, ..Resources::default() };
    PlacementRequest { resources, ..PlacementRequest::default() }
}

fn name(strategy: &dyn PlacementStrategy, servers: &[ServerState], request: &PlacementRequest, cursor: u64) -> String {
    decide(strategy, &Ledger::new(servers), request, PlacementContext { cursor, ..PlacementContext::default() })
        .unwrap()
        .server_name
}

#[test]
fn each_strategy_takes_its_server() {
    let fleet = [server(1, 4_000, 1_000), server(2, 4_000, 0), server(3, 4_000, 3_000)];
    assert_eq!(name(&Spread, &fleet, &asks(500), 0), "ws-2");
    assert_eq!(name(&BestFit, &fleet, &asks(500), 0), "ws-3");
    assert_eq!(name(&BestFit, &fleet, &asks(2_000), 0), "ws-1");
    let turns: Vec<_> = (0..4).map(|turn| name(&RoundRobin, &fleet, &asks(500), turn)).collect();
    assert_eq!(turns, ["ws-1", "ws-2", "ws-3", "ws-1"]);
    let wish = PlacementRequest { server: Some("ws-3".to_owned()), ..asks(500) };
    assert_eq!(name(&Affinity::new(Arc::new(Spread)), &fleet, &wish, 0), "ws-3");
    let too_much = PlacementRequest { server: Some("ws-3".to_owned()), ..asks(2_000) };
    let decision =
        decide(&Affinity::new(Arc::new(Spread)), &Ledger::new(&fleet), &too_much, PlacementContext::default()).unwrap();
    assert_eq!(decision.server_name, "ws-2");
    assert!(decision.record.reason.starts_with("ws-3 was preferred but cpu: needs 2000 millicores, 1000 free"));
    assert_eq!(decision.runner_up.as_deref(), Some("ws-1"));
}

#[test]
fn a_required_server_without_room_is_refused_with_every_reason() {
    let fleet = [server(1, 4_000, 0), server(2, 1_000, 800)];
    let request = PlacementRequest { server: Some("ws-2".to_owned()), required: true, ..asks(500) };
    let error = decide(&Spread, &Ledger::new(&fleet), &request, PlacementContext::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InsufficientCapacity);
    let codes: Vec<_> = error.refused_servers().iter().map(|rejection| rejection.code.as_str()).collect();
    assert_eq!(codes, ["not_requested", "insufficient_cpu"]);
    let why = "ws-2 is required and cannot take it: cpu: needs 500 millicores, 200 free";
    assert_eq!(error.message(), why, "of a required server its own reason is the reason");
}

#[test]
fn a_fleet_where_nothing_is_open_says_that_and_not_that_it_is_full() {
    let mut fleet = [server(1, 4_000, 0), server(2, 4_000, 0), server(3, 4_000, 0)];
    fleet[0].record.scheduling = Scheduling::Cordoned;
    fleet[1].record.scheduling = Scheduling::Cordoned;
    fleet[2].record.scheduling = Scheduling::Draining;
    let error = decide(&Spread, &Ledger::new(&fleet), &asks(1), PlacementContext::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InsufficientCapacity);
    assert_eq!(error.message(), "none of 3 healthy servers takes new work: 2 cordoned, 1 draining");
    assert!(error.next_step().unwrap().contains("uncordon"));
}

#[test]
fn a_fleet_without_a_healthy_server_says_so() {
    let mut down = server(1, 4_000, 0);
    down.observation.availability = Availability::Offline;
    down.observation.last_error = Some("connection refused".to_owned());
    let error = decide(&Spread, &Ledger::new(&[down]), &asks(1), PlacementContext::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoHealthyServers);
    assert_eq!(error.refused_servers()[0].detail, "does not answer: connection refused");
    let empty = decide(&Spread, &Ledger::default(), &asks(1), PlacementContext::default()).unwrap_err();
    assert_eq!(empty.kind(), ErrorKind::NoHealthyServers);
}

#[test]
fn a_label_that_no_server_has_is_a_matter_of_capacity() {
    let must = [("gpu".to_owned(), "true".to_owned())].into();
    let request = PlacementRequest { labels: LabelRequirements::must(must), ..asks(1) };
    let error =
        decide(&Spread, &Ledger::new(&[server(1, 4_000, 0)]), &request, PlacementContext::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InsufficientCapacity);
    assert_eq!(error.refused_servers()[0].code, "labels");
    assert_eq!(error.message(), "no server can take the request: 1 labels");
}

#[test]
fn a_soft_limit_spills_only_when_others_are_full() {
    let mut soft = server(1, 4_000, 0);
    soft.record.spec.soft_max_workspaces = Some(0);
    let fleet = [soft, server(2, 4_000, 3_500)];
    assert_eq!(name(&Spread, &fleet, &asks(500), 0), "ws-2");
    assert_eq!(name(&Spread, &fleet, &asks(1_000), 0), "ws-1");
}

#[test]
fn a_cordoned_server_takes_only_what_has_its_data_there() {
    let mut cordoned = server(1, 4_000, 0);
    cordoned.record.scheduling = Scheduling::Cordoned;
    let home = PlacementRequest { server: Some("ws-1".to_owned()), required: true, ..asks(500) };
    assert!(decide(&Spread, &Ledger::new([&cordoned]), &home, PlacementContext::default()).is_err());
    let home = PlacementRequest { even_if_cordoned: true, ..home };
    assert_eq!(name(&Spread, &[cordoned], &home, 0), "ws-1");
}

/// Keeps a share of every server's cores free.
#[derive(Debug)]
struct HeadRoom(u64);

impl ServerFilter for HeadRoom {
    fn admit(&self, server: ServerView<'_>, request: &PlacementRequest) -> Verdict {
        if server.free().minus(request.resources).cpu_millis >= self.0 {
            return Verdict::Admit;
        }
        Verdict::Refuse { code: "head_room", detail: format!("cpu: {} must stay free", self.0) }
    }
}

/// Takes the server with the highest number.
#[derive(Debug)]
struct Highest;

impl ServerScore for Highest {
    fn name(&self) -> &'static str {
        "highest"
    }

    fn score(&self, server: ServerView<'_>, _: &PlacementRequest) -> i64 {
        i64::try_from(server.id().as_uuid().as_u128()).unwrap()
    }
}

#[test]
fn a_score_or_a_rule_is_all_that_an_embedder_writes() {
    let fleet = [server(1, 4_000, 0), server(2, 4_000, 1_000), server(3, 4_000, 3_000)];
    assert_eq!(name(&ByScore(Highest), &fleet, &asks(500), 0), "ws-3");
    assert_eq!(name(&ByScore(Highest), &fleet, &asks(2_000), 0), "ws-2");
    let strict = Filtered { inner: ByScore(Highest), filter: HeadRoom(1_000) };
    let decision = decide(&strict, &Ledger::new(&fleet), &asks(500), PlacementContext::default()).unwrap();
    assert_eq!((decision.server_name.as_str(), decision.runner_up.as_deref()), ("ws-2", Some("ws-1")));
    assert_eq!(decision.record.rejections[0].code, "head_room");
    assert_eq!(decision.record.rejections[0].detail, "cpu: 1000 must stay free");
    // Rules add up, around strategies with an index too.
    let stricter = Filtered { inner: Filtered { inner: BestFit, filter: HeadRoom(1_000) }, filter: HeadRoom(3_000) };
    assert_eq!(name(&stricter, &fleet, &asks(500), 0), "ws-1");
    let affine = Filtered { inner: Affinity::new(Arc::new(RoundRobin)), filter: HeadRoom(3_000) };
    let wish = PlacementRequest { server: Some("ws-3".to_owned()), ..asks(500) };
    assert_eq!(name(&affine, &fleet, &wish, 0), "ws-1");
}

#[test]
fn refusals_are_counted_on_a_large_fleet_and_the_nearest_miss_is_named() {
    let mut fleet: Vec<_> =
        (0..300).map(|number| server(number, 4_000, 2_000 + u64::try_from(number).unwrap())).collect();
    fleet[7].record.scheduling = Scheduling::Cordoned;
    let refusals = refusals(&Spread, &Ledger::new(&fleet), &asks(3_000), &Ledger::new(&fleet).prepare(&asks(3_000)));
    assert_eq!(refusals.counts, [("cordoned", 1), ("insufficient_cpu", 299)].into());
    assert_eq!(refusals.listed.len(), LISTED);
    let nearest = refusals.nearest.unwrap();
    assert_eq!((nearest.server.as_str(), nearest.short), ("ws-0", vec![(Dimension::Cpu, 3_000, 2_000)]));
}

#[test]
fn work_without_gpus_stays_off_servers_that_have_some() {
    let with_gpus = |number, gpus| {
        let mut server = server(number, 32_000, 0);
        server.record.totals = Resources { gpus, memory_mib: 131_072, ..server.record.totals };
        server
    };
    // Full to the last core the first would strand its GPUs; the second has none to strand.
    let fleet = [with_gpus(1, 4), with_gpus(2, 0)];
    let strategy = LeastFragmentation::default();
    assert_eq!(name(&strategy, &fleet, &asks(30_000), 0), "ws-2");
    let gpu = |gpus| PlacementRequest { resources: Resources { gpus, ..asks(4_000).resources }, ..asks(0) };
    assert_eq!(name(&strategy, &fleet, &gpu(1), 0), "ws-1");
    // One GPU goes where no pair is broken up.
    let fleet = [with_gpus(1, 2), with_gpus(2, 1)];
    assert_eq!(name(&strategy, &fleet, &gpu(1), 0), "ws-2");
}

proptest! {
    #![proptest_config(crate::placement::tried())]

    #[test]
    fn the_order_of_servers_never_matters_and_nothing_is_overfilled(
        loads in prop::collection::vec((1_u64..8_000, 0_u64..8_000), 1..12),
        cpu in 1_u64..4_000,
        cursor in 0_u64..20,
        excluded in 0_usize..12,
    ) {
        let mut fleet: Vec<_> = loads.iter().enumerate()
            .map(|(index, &(total, reserved))| server(index as u128, total, reserved.min(total))).collect();
        let excluded: BTreeSet<_> = fleet.iter().skip(excluded).take(1).map(|server| server.record.id).collect();
        let request = PlacementRequest { excluded, ..asks(cpu) };
        let cx = PlacementContext { cursor, ..PlacementContext::default() };
        for kind in [StrategyKind::Spread, StrategyKind::BestFit, StrategyKind::RoundRobin, StrategyKind::Affinity, StrategyKind::LeastFragmentation] {
            let strategy = built_in(kind);
            let forward = decide(strategy.as_ref(), &Ledger::new(&fleet), &request, cx).map(|decision| decision.server).ok();
            fleet.reverse();
            let backward = decide(strategy.as_ref(), &Ledger::new(&fleet), &request, cx).map(|decision| decision.server).ok();
            prop_assert_eq!(forward, backward);
            let ledger = Ledger::new(&fleet);
            let ask = ledger.prepare(&request);
            let fits = ledger.servers().any(|server| server.refusal(&ask).is_none());
            prop_assert_eq!(forward.is_some(), fits);
            if let Some(id) = forward {
                let server = fleet.iter().find(|server| server.record.id == id).unwrap();
                prop_assert!(server.reserved.plus(request.resources).first_over(&server.record.limits()).is_none());
            }
        }
    }
}
