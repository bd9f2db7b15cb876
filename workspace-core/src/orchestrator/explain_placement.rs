//! What placement would do, without doing it.

use std::sync::atomic::Ordering;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Scope, StrategyKind, WorkspaceSpec};
use crate::orchestrator::claim::check_wish;
use crate::orchestrator::{Caller, Orchestrator, validate};
use crate::placement::{Decision, PlacementRequest, Refusals, built_in};

/// Where a workspace would go, or why nowhere.
#[derive(Debug)]
pub struct Explanation {
    /// The strategy that was asked.
    pub strategy: StrategyKind,
    /// The choice; `None` when no server will do.
    pub decision: Option<Decision>,
    /// Why nowhere.
    pub refusal: Option<Error>,
    /// Why servers that cannot take it cannot: the first ones with their numbers, all counted by reason, and the
    /// nearest miss.
    pub refusals: Refusals,
}

impl Orchestrator {
    /// Says where a workspace of this spec would go now, and why. Nothing is reserved.
    ///
    /// # Errors
    /// `Invalid`. That no server will do is an answer, not an error.
    pub async fn explain_placement(&self, caller: &Caller, spec: WorkspaceSpec) -> Result<Explanation> {
        caller.require(Scope::Admin)?;
        let spec = self.core.with_template(spec)?;
        validate::resources("resources", &spec.resources)?;
        let named = spec.placement.server.is_some();
        let strategy =
            spec.placement.strategy.unwrap_or(if named { StrategyKind::Affinity } else { self.core.config.strategy });
        let request = PlacementRequest {
            resources: spec.resources,
            labels: spec.placement.requirements(),
            server: spec.placement.server.clone(),
            required: spec.placement.required,
            ..PlacementRequest::default()
        };
        let cursor = self.core.cursor.load(Ordering::Relaxed);
        let servers = self.core.store.servers().await?;
        check_wish(&request, &servers)?;
        let chooser = built_in(strategy);
        match self.core.explain_place(chooser.as_ref(), &servers, &request, cursor) {
            (Ok(decision), refusals) => Ok(Explanation { strategy, decision: Some(decision), refusal: None, refusals }),
            (Err(error), refusals)
                if matches!(error.kind(), ErrorKind::NoHealthyServers | ErrorKind::InsufficientCapacity) =>
            {
                Ok(Explanation { strategy, decision: None, refusal: Some(error), refusals })
            }
            (Err(error), _) => Err(error),
        }
    }
}
