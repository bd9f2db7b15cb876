//! The fleet and the requests of the churn: five dimensions, 4 shapes of servers x 8 label sets, half of the requests
//! with a label.

use uuid::Uuid;
use workspace_fleet::clock::Timestamp;
use workspace_fleet::id::ServerId;
use workspace_fleet::label::{LabelRequirements, Labels};
use workspace_fleet::model::{Availability, ServerObservation, ServerRecord, ServerSpec, ServerState};
use workspace_fleet::placement::PlacementRequest;
use workspace_fleet::resources::Resources;

use super::dice::Dice;

/// The shapes of servers.
pub const SHAPES: [Resources; 4] = [
    Resources { cpu_millis: 16_000, memory_mib: 32 << 10, disk_gib: 500, slots: 32, gpus: 0 },
    Resources { cpu_millis: 32_000, memory_mib: 128 << 10, disk_gib: 1_000, slots: 64, gpus: 0 },
    Resources { cpu_millis: 64_000, memory_mib: 256 << 10, disk_gib: 2_000, slots: 128, gpus: 0 },
    Resources { cpu_millis: 32_000, memory_mib: 128 << 10, disk_gib: 1_000, slots: 64, gpus: 4 },
];

/// The labels of servers: each of three has one of two values.
const LABELS: [(&str, [&str; 2]); 3] = [("region", ["eu", "us"]), ("disk", ["hdd", "ssd"]), ("zone", ["a", "b"])];

/// One request of the churn.
#[derive(Clone, Debug)]
pub struct Kind {
    /// What is asked for.
    pub request: PlacementRequest,
    /// The label that it demands, as a bit: twice the number of the label plus the number of the value.
    pub must: u32,
    /// The server that it names.
    pub named: Option<usize>,
}

/// The shape of the n-th server.
pub const fn shape_of(server: usize) -> usize {
    server % SHAPES.len()
}

/// The labels of the n-th server as bits.
pub fn labels_of(server: usize) -> u32 {
    let set = server / SHAPES.len() % 8;
    (0..LABELS.len()).map(|label| 1 << (2 * label + (set >> label & 1))).sum()
}

/// The id of the n-th server.
pub fn id_of(server: usize) -> ServerId {
    ServerId::from_uuid(Uuid::from_u128(u128::try_from(server).unwrap_or(0) + 1))
}

fn label(bit: usize) -> (String, String) {
    let (name, values) = LABELS[bit / 2];
    (name.to_owned(), values[bit % 2].to_owned())
}

/// A fleet of this many servers, all empty.
pub fn fleet(servers: usize) -> Vec<ServerState> {
    (0..servers).map(server).collect()
}

fn server(number: usize) -> ServerState {
    let mut spec = ServerSpec::new(format!("ws-{number}"), "sim://");
    let bits = labels_of(number);
    spec.labels = (0..6).filter(|bit| bits >> bit & 1 == 1).map(label).collect();
    ServerState {
        record: ServerRecord::new(id_of(number), spec, SHAPES[shape_of(number)], Timestamp::default()),
        observation: ServerObservation { availability: Availability::Healthy, ..ServerObservation::default() },
        reserved: Resources::default(),
        workspaces: 0,
    }
}

/// Requests of the churn; with `names`, each names one of that many servers.
pub fn requests(count: usize, names: Option<usize>, dice: &mut Dice) -> Vec<Kind> {
    (0..count).map(|_| request(names, dice)).collect()
}

fn request(fleet: Option<usize>, dice: &mut Dice) -> Kind {
    let power = |dice: &mut Dice| 1_u64 << dice.below(4);
    let (cpu, memory, disk) = (power(dice), power(dice), power(dice));
    let gpus = u64::from(dice.below(100) < 3);
    let resources = Resources { cpu_millis: 500 * cpu, memory_mib: memory << 10, disk_gib: 5 * disk, slots: 1, gpus };
    let bit = (dice.below(2) == 0).then(|| dice.below(6));
    let must: Labels = bit.map(label).into_iter().collect();
    let named = fleet.map(|servers| dice.below(servers));
    let request = PlacementRequest {
        resources,
        labels: LabelRequirements::must(must),
        server: named.map(|server| format!("ws-{server}")),
        ..PlacementRequest::default()
    };
    Kind { request, must: bit.map_or(0, |bit| 1 << bit), named }
}
