//! The servers of a fleet.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::{FleetId, ServerId};
use crate::model::ServerRecord;
use crate::port::Server;

/// The connections to the servers of a fleet.
///
/// # Contract
/// - `connect` makes or replaces the connection from the record alone; it fails on a record that can never work
///   (endpoint, certificates, plain HTTP without permission) and succeeds for a server that does not answer now.
/// - `connect` also prepares what the backend needs on the server (the worker image) as soon as the server answers;
///   callers do not wait for that.
/// - `get` is cheap: it is called for every step.
///
/// # Implementing
/// Run `workspace_core::testing::conformance::server` against it.
///
/// # Backends differ in
/// | | Docker | local | simulated |
/// |---|---|---|---|
/// | endpoints | `http`, `https`, `unix` | `local` | `sim` |
#[async_trait]
pub trait ServerPool: Debug + Send + Sync + 'static {
    /// Connects to a server, or connects anew with a changed record. `fleet` labels what is made there.
    async fn connect(&self, record: &ServerRecord, fleet: FleetId) -> Result<Arc<dyn Server>>;

    /// Forgets a server; unknown ones are forgotten already. What runs there is not touched.
    async fn disconnect(&self, server: ServerId);

    /// The connected server.
    fn get(&self, server: ServerId) -> Option<Arc<dyn Server>>;
}
