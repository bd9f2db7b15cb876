//! Which workspaces should move, to empty a server or to relieve one.

use std::cmp::Reverse;

use uuid::Uuid;

use crate::id::ServerId;
use crate::label::LabelRequirements;
use crate::placement::{Ledger, Order, PlacementRequest, ServerView};
use crate::resources::Resources;

/// Something placed that can be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Which: a workspace or what else holds the reservation.
    pub holder: Uuid,
    /// Where it is.
    pub server: ServerId,
    /// What it holds there.
    pub resources: Resources,
    /// What it demands of its server's labels.
    pub labels: LabelRequirements,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Nothing is left on this server.
    Empty(ServerId),
    /// This server is at most so full, in percent, averaged over its dimensions.
    Relieve(ServerId, u64),
}

/// What a plan may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most this many moves.
    pub moves: usize,
    /// A server that takes something is at most so full afterwards, in percent.
    pub target_percent: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { moves: usize::MAX, target_percent: 100 }
    }
}

/// One proposed move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// What moves.
    pub holder: Uuid,
    /// From where.
    pub from: ServerId,
    /// To where.
    pub to: ServerId,
    /// What it needs there.
    pub resources: Resources,
}

/// What should move, in order; each move has room after those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The moves.
    pub moves: Vec<Move>,
    /// What should move and finds no other server.
    pub stuck: Vec<Uuid>,
    /// How full the server is now, in percent.
    pub before_percent: u64,
    /// How full it is after the plan: the gain is the difference.
    pub after_percent: u64,
}

/// Proposes moves for a goal. Nothing is changed.
///
/// To empty a server the largest go first, while there is room for them; to relieve one the smallest that do, so that
/// little data moves. Each goes to the least reserved server that has its labels and room.
pub fn rebalance_plan(fleet: &Ledger, placed: &[Placed], goal: Goal, limits: Limits) -> Plan {
    let (Goal::Empty(from) | Goal::Relieve(from, _)) = goal;
    let mut fleet = fleet.clone();
    let percent = |fleet: &Ledger| {
        let server = fleet.key(from).and_then(|key| fleet.server(key));
        server.map_or(0, |server| server.percent_with(Resources::default()))
    };
    let mut plan = Plan { before_percent: percent(&fleet), ..Plan::default() };
    let mut here: Vec<&Placed> = placed.iter().filter(|placed| placed.server == from).collect();
    let weigh = |placed: &Placed| {
        let server = fleet.key(from).and_then(|key| fleet.server(key));
        server.map_or(0, |server| server.utilisation_with(placed.resources))
    };
    match goal {
        Goal::Empty(_) => here.sort_by_cached_key(|placed| (Reverse(weigh(placed)), placed.holder)),
        Goal::Relieve(..) => here.sort_by_cached_key(|placed| (weigh(placed), placed.holder)),
    }
    for placed in here {
        let reached = matches!(goal, Goal::Relieve(_, most) if percent(&fleet) <= most);
        if reached || plan.moves.len() >= limits.moves {
            break;
        }
        match target(&fleet, placed, limits) {
            Some(to) => plan.moves.push(apply(&mut fleet, placed, to)),
            None => plan.stuck.push(placed.holder),
        }
    }
    plan.after_percent = percent(&fleet);
    plan
}

fn target(fleet: &Ledger, placed: &Placed, limits: Limits) -> Option<ServerId> {
    let request = PlacementRequest {
        resources: placed.resources,
        labels: placed.labels.clone(),
        excluded: [placed.server].into(),
        ..PlacementRequest::default()
    };
    let ask = fleet.prepare(&request);
    let within = |server: ServerView<'_>| server.percent_with(placed.resources) <= limits.target_percent;
    let found = fleet.best(&ask, Order::Emptiest, Some(&|key| fleet.server(key).is_some_and(within)));
    Some(fleet.server(found.server?)?.id())
}

fn apply(fleet: &mut Ledger, placed: &Placed, to: ServerId) -> Move {
    if let (Some(from), Some(to)) = (fleet.key(placed.server), fleet.key(to)) {
        fleet.release(from, placed.resources);
        // The search found the room a moment ago.
        let _ = fleet.reserve(to, placed.resources);
    }
    Move { holder: placed.holder, from: placed.server, to, resources: placed.resources }
}

#[cfg(test)]
mod tests;
