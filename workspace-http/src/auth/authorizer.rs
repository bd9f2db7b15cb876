//! The trait behind which authentication happens.

use std::fmt::Debug;

use async_trait::async_trait;
use http::request::Parts;
use workspace_core::error::Result;
use workspace_core::orchestrator::Caller;

/// Says who a request comes from. What they may do is in the [`Caller`] and is checked by the orchestrator.
///
/// # Contract
/// - Whatever is wrong with the credentials is
///   [`Unauthenticated`](workspace_core::error::ErrorKind::Unauthenticated).
/// - It is asked once for each request, before anything else of the request is looked at.
///
/// # Implementing
/// ```
/// use workspace_core::error::{Error, ErrorKind, Result};
/// use workspace_core::orchestrator::Caller;
///
/// /// A proxy in front of us has checked the user.
/// #[derive(Debug)]
/// struct ByProxy;
///
/// #[async_trait::async_trait]
/// impl workspace_http::Authorizer for ByProxy {
///     async fn authorize(&self, request: &http::request::Parts) -> Result<Caller> {
///         let user = request.headers.get("x-user").and_then(|user| user.to_str().ok());
///         user.map(Caller::owner).ok_or_else(|| Error::new(ErrorKind::Unauthenticated, "no user"))
///     }
/// }
/// ```
#[async_trait]
pub trait Authorizer: Debug + Send + Sync + 'static {
    /// Who sent this request.
    async fn authorize(&self, request: &Parts) -> Result<Caller>;

    /// Ends when the caller's right ends, so that streams which they opened are cut. Never, if not implemented.
    async fn until_revoked(&self, _caller: &Caller) {
        std::future::pending::<()>().await;
    }
}
