//! How the API behaves.

use std::sync::Arc;

use workspace_core::secret::Secret;

use crate::auth::Authorizer;

/// How the API behaves. The default accepts only tokens of the store.
#[derive(Clone, Debug, Default)]
pub struct HttpConfig {
    pub(crate) admin_token: Option<Secret>,
    pub(crate) authorizer: Option<Arc<dyn Authorizer>>,
}

impl HttpConfig {
    /// Accepts also this token, for everything and everyone: with it the first tokens of a store are made.
    #[must_use]
    pub fn admin_token(mut self, token: Secret) -> Self {
        self.admin_token = Some(token);
        self
    }

    /// Decides who requests come from, instead of tokens.
    #[must_use]
    pub fn authorizer(mut self, authorizer: impl Authorizer) -> Self {
        self.authorizer = Some(Arc::new(authorizer));
        self
    }
}
