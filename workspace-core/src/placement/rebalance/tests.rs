use super::*;
use crate::clock::Timestamp;
use crate::model::{Availability, ServerObservation, ServerRecord, ServerSpec, ServerState};

fn id(number: u128) -> ServerId {
    ServerId::from_uuid(Uuid::from_u128(number))
}

fn server(number: u128, cpu: u64, used: u64) -> ServerState {
    ServerState {
        record: ServerRecord::new(
            id(number),
            ServerSpec::new(format!("ws-{number}"), "sim://"),
            Resources { cpu_millis: cpu, ..Resources::default() },
            Timestamp::default(),
        ),
        observation: ServerObservation { availability: Availability::Healthy, ..ServerObservation::default() },
        reserved: Resources { cpu_millis: used, ..Resources::default() },
        workspaces: 0,
    }
}

fn on_first(sizes: &[u64]) -> Vec<Placed> {
    let placed = |(holder, &cpu_millis): (usize, &u64)| Placed {
        holder: Uuid::from_u128(holder as u128),
        server: id(1),
        resources: Resources { cpu_millis, ..Resources::default() },
        labels: LabelRequirements::default(),
    };
    sizes.iter().enumerate().map(placed).collect()
}

fn holders(plan: &Plan) -> Vec<u128> {
    plan.moves.iter().map(|one| one.holder.as_u128()).collect()
}

#[test]
fn a_server_is_emptied_largest_first_and_what_finds_no_place_is_said() {
    let fleet = Ledger::new(&[server(1, 8_000, 6_500), server(2, 4_000, 1_000), server(3, 4_000, 2_000)]);
    let placed = on_first(&[500, 2_000, 4_000]);
    let plan = rebalance_plan(&fleet, &placed, Goal::Empty(id(1)), Limits::default());
    assert_eq!(holders(&plan), [1, 0]);
    assert_eq!(plan.stuck, [Uuid::from_u128(2)]);
    assert_eq!(plan.moves[0].to, id(2));
    assert_eq!((plan.before_percent, plan.after_percent), (81, 50));
    // Nothing was changed.
    assert_eq!(fleet.server(fleet.key(id(1)).unwrap()).unwrap().reserved().cpu_millis, 6_500);
}

#[test]
fn a_server_is_relieved_by_as_little_as_will_do() {
    let fleet = Ledger::new(&[server(1, 8_000, 6_500), server(2, 4_000, 0)]);
    let placed = on_first(&[500, 2_000, 4_000]);
    let plan = rebalance_plan(&fleet, &placed, Goal::Relieve(id(1), 76), Limits::default());
    assert_eq!(holders(&plan), [0]);
    let limits = Limits { target_percent: 10, moves: 5 };
    let plan = rebalance_plan(&fleet, &placed, Goal::Relieve(id(1), 10), limits);
    assert_eq!((plan.moves.len(), plan.stuck.len()), (0, 3));
    let nowhere = rebalance_plan(&fleet, &placed, Goal::Empty(id(9)), Limits::default());
    assert_eq!(nowhere, Plan::default());
}
