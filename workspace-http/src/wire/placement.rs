//! Where things run, and why.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::model::{self, PlacementRecord, PlacementSpec};
use workspace_core::orchestrator;
use workspace_core::placement;

use super::Reason;
use super::mirror::mirror;

mirror! {
    /// How a server is chosen among those that fit.
    Strategy = model::StrategyKind {
        /// The server that is least reserved.
        Spread,
        /// The server that is left with the least room.
        BestFit,
        /// The next server in turn.
        RoundRobin,
        /// The server that was asked for, where possible.
        Affinity,
        /// The server where the least GPU becomes out of reach.
        LeastFragmentation,
    }
}

/// Where a workspace should run.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWorkspacePlacement)]
pub(crate) struct PlacementWish {
    /// How to choose; the fleet's default when absent, `affinity` when a server is named.
    strategy: Option<Strategy>,
    /// The name or id of the server to prefer.
    server: Option<String>,
    /// Whether only that server will do.
    #[serde(default)]
    required: bool,
    /// What the labels of the server must be.
    labels: Option<BTreeMap<String, String>>,
    /// What they must not be.
    must_not: Option<BTreeMap<String, String>>,
    /// What they should be.
    prefer: Option<BTreeMap<String, String>>,
}

impl From<PlacementWish> for PlacementSpec {
    fn from(wish: PlacementWish) -> Self {
        Self {
            strategy: wish.strategy.map(Into::into),
            server: wish.server,
            required: wish.required,
            labels: wish.labels.unwrap_or_default(),
            must_not: wish.must_not.unwrap_or_default(),
            prefer: wish.prefer.unwrap_or_default(),
        }
    }
}

/// Why a workspace is where it is, and what was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Placement {
    /// The strategy that chose.
    strategy: String,
    /// Why this server.
    reason: String,
    /// Why not the others.
    rejections: Vec<Rejection>,
    /// The server that was asked for.
    server: Option<String>,
    /// Whether only that one will do.
    required: bool,
    labels: BTreeMap<String, String>,
    must_not: BTreeMap<String, String>,
    prefer: BTreeMap<String, String>,
}

impl Placement {
    pub(crate) fn new(record: PlacementRecord, wish: PlacementSpec) -> Self {
        Self {
            strategy: record.strategy,
            reason: record.reason,
            rejections: record.rejections.iter().map(Rejection::from).collect(),
            server: wish.server,
            required: wish.required,
            labels: wish.labels,
            must_not: wish.must_not,
            prefer: wish.prefer,
        }
    }
}

/// Why one server was not taken.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Rejection {
    /// The server's name.
    server: String,
    /// The stable reason, such as `insufficient_memory`, `labels`, `cordoned` or `offline`.
    code: String,
    /// The reason with its numbers.
    detail: String,
}

impl From<&placement::Rejection> for Rejection {
    fn from(rejection: &placement::Rejection) -> Self {
        let placement::Rejection { server, code, detail } = rejection.clone();
        Self { server, code, detail }
    }
}

/// A server that could nearly take a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NearMiss {
    /// Its name.
    server: String,
    /// What it is short of.
    short: Vec<Shortage>,
}

/// Too little of one thing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Shortage {
    /// Of what, such as `memory`.
    dimension: String,
    /// How much is needed.
    needs: u64,
    /// How much is free.
    free: u64,
    /// Of what size, such as `MiB`.
    unit: String,
}

impl From<placement::NearMiss> for NearMiss {
    fn from(miss: placement::NearMiss) -> Self {
        let short = miss.short.into_iter().map(|(dimension, needs, free)| {
            let (dimension, unit) = (dimension.name().to_owned(), dimension.unit().to_owned());
            Shortage { dimension, needs, free, unit }
        });
        Self { server: miss.server, short: short.collect() }
    }
}

/// Where a workspace would go now, or why nowhere. Nothing is reserved.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlacementExplanation)]
pub(crate) struct Explanation {
    /// The strategy that was asked.
    strategy: Strategy,
    /// The name of the server that would be taken; null when none will do.
    server: Option<String>,
    server_id: Option<Uuid>,
    /// Why that one.
    reason: Option<String>,
    /// What would be taken without it.
    runner_up: Option<String>,
    /// Why servers that cannot take it cannot, the first hundred.
    rejections: Vec<Rejection>,
    /// How many servers cannot take it, by the code of the reason.
    rejected: BTreeMap<String, usize>,
    /// The server that is short of the least; null when no server is short of something alone.
    nearest: Option<NearMiss>,
    /// Why nowhere.
    error: Option<Reason>,
}

impl From<orchestrator::Explanation> for Explanation {
    fn from(explanation: orchestrator::Explanation) -> Self {
        let (decision, refusals) = (explanation.decision, explanation.refusals);
        Self {
            strategy: explanation.strategy.into(),
            server: decision.as_ref().map(|decision| decision.server_name.clone()),
            server_id: decision.as_ref().map(|decision| decision.server.as_uuid()),
            reason: decision.as_ref().map(|decision| decision.record.reason.clone()),
            runner_up: decision.and_then(|decision| decision.runner_up),
            rejections: refusals.listed.iter().map(Rejection::from).collect(),
            rejected: refusals.counts.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect(),
            nearest: refusals.nearest.map(NearMiss::from),
            error: explanation.refusal.as_ref().map(Reason::from),
        }
    }
}
