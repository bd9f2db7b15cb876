//! What all handlers share.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use workspace_core::environment::Environment;
use workspace_core::id::ServerId;
use workspace_core::orchestrator::{Caller, Orchestrator};

use crate::auth::{Authorizer, TokenAuthorizer};
use crate::config::HttpConfig;
use crate::metrics::Metrics;

/// The fleet and what HTTP adds to it. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    orchestrator: Orchestrator,
    authorizer: Arc<dyn Authorizer>,
    metrics: Metrics,
    environment: Environment,
    /// Names of servers by id: answers show the name, and a server never gets another.
    server_names: RwLock<BTreeMap<ServerId, String>>,
}

impl Api {
    pub(crate) fn new(orchestrator: Orchestrator, config: HttpConfig) -> Self {
        let authorizer = config
            .authorizer
            .unwrap_or_else(|| Arc::new(TokenAuthorizer::new(orchestrator.clone(), config.admin_token.as_ref())));
        Self(Arc::new(Inner {
            orchestrator,
            authorizer,
            metrics: Metrics::default(),
            environment: Environment::system(),
            server_names: RwLock::default(),
        }))
    }

    pub(crate) fn orchestrator(&self) -> &Orchestrator {
        &self.0.orchestrator
    }

    pub(crate) fn authorizer(&self) -> &dyn Authorizer {
        self.0.authorizer.as_ref()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Randomness for request ids.
    pub(crate) fn environment(&self) -> &Environment {
        &self.0.environment
    }

    /// The name of a server; `None` when it was removed.
    pub(crate) async fn server_name(&self, id: ServerId) -> Option<String> {
        let known = self.0.server_names.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if known.is_some() {
            return known;
        }
        let state = self.0.orchestrator.server(&Caller::admin(), id).await.ok()?;
        let name = state.record.spec.name;
        self.0.server_names.write().unwrap_or_else(PoisonError::into_inner).insert(id, name.clone());
        Some(name)
    }
}
