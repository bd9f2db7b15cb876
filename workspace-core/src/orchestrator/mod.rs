//! Operations on a fleet, one per file, and the converge steps that carry them out.
//!
//! ```text
//!            create                 start                     patch, restart
//!              |                      |                             |
//!              v                      v                             v
//!   pending -> filling -> starting -> running ----------------> starting ..
//!                 |           |          |  stop, end by itself
//!                 | failed    | failed   v
//!                 +-----------+----> stopping -> stopped | error
//!                                                   |
//!      delete, from every status ----------------> deleting -> deleted
//! ```
//!
//! - An operation checks the caller, decides, and commits one change: the *intent*. It never calls a server.
//! - `converge` drives one workspace to its intent in named steps; the master whose fence is the row's driver does.
//! - `reconcile` lists every server now and then, compares with the rows and wakes what differs.
//! - The event hub wakes streams and waiters of this master; the store is polled for those of others.

mod access;
mod audit;
mod breaker;
mod builder;
mod caller;
mod channels;
mod claim;
mod config;
mod connections;
mod consistency;
mod converge;
mod create_workspace;
mod delete_workspace;
mod events;
mod exec;
mod explain_placement;
mod files;
mod fleet_ledger;
mod fleet_snapshot;
mod fleet_summary;
mod force_forget;
mod health;
mod hex;
mod hub;
mod intent;
mod jobs;
mod keep_alive;
mod lease;
mod leased;
mod logs;
mod mounted;
mod own_container;
mod patch_workspace;
mod place_many;
mod probe;
mod projects;
mod reconcile;
mod refusal;
mod register_server;
mod remove_server;
mod restart_workspace;
mod scheduling;
mod server_facts;
mod server_object;
mod servers;
mod sessions;
mod start_workspace;
mod stats;
mod stop_workspace;
mod tasks;
#[cfg(test)]
mod test_fleet;
mod tokens;
mod update_server;
mod usage;
mod uses;
mod vacate;
mod validate;
mod validate_health;
mod wait;
mod workspaces;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

pub use breaker::Creating;
pub use builder::OrchestratorBuilder;
pub use caller::Caller;
pub use config::{Config, Template};
pub use consistency::{Consistency, Difference, DifferenceKind};
#[cfg(any(test, feature = "testing"))]
pub use converge::Injector;
pub use create_workspace::NewWorkspace;
pub use events::EventStream;
pub use exec::ExecOutput;
pub use explain_placement::Explanation;
pub use fleet_summary::FleetSummary;
pub use patch_workspace::WorkspacePatch;
pub use projects::{
    CloneFrom, CloneRequest, NewProject, NewSnapshot, ProjectPatch, RestoreMode, RestoreRequest, SyncDirection,
    SyncKind, SyncWish,
};
pub use reconcile::{Orphaned, Reconciled};
pub use register_server::Registration;
pub use server_object::{OrphanFate, ServerObject, ServerObjectKind};
pub use sessions::{AgentRequest, Execution, NewExecution, PlainNamer, SessionView};
pub use tokens::{IssuedToken, NewToken};
pub use update_server::ServerPatch;
pub use usage::{Usage, UsageSum, UsageWindow};
pub use workspaces::{Idempotency, WorkspaceStatus};

use crate::environment::Environment;
use crate::id::FleetId;
use crate::port::{AgentRunner, ServerPool, SessionNamer, StateStore};

/// A fleet: every operation of the library is a method of this. Cheap to clone.
///
/// When the last clone is dropped, everything that it does in the background ends at once, as if the process had
/// died; [`Orchestrator::shutdown`] ends it in order.
#[derive(Clone, Debug)]
pub struct Orchestrator {
    core: Arc<Core>,
    /// Owns the background tasks; the tasks own `core`, never this.
    tasks: Arc<tasks::Tasks>,
}

/// What operations and background tasks share.
#[derive(Debug)]
struct Core {
    store: Arc<dyn StateStore>,
    pool: Arc<dyn ServerPool>,
    connections: connections::Connections,
    env: Environment,
    config: Config,
    fleet: FleetId,
    lease: Arc<lease::LeaseKeeper>,
    hub: hub::Hub,
    breakers: breaker::Breakers,
    channels: channels::Channels,
    watched: health::Watched,
    cursor: AtomicU64,
    ledger: fleet_ledger::FleetLedger,
    snapshot: fleet_snapshot::FleetSnapshot,
    starting: converge::Starting,
    jobs: Arc<dyn AgentRunner>,
    /// The places for data jobs.
    at_work: converge::Starting,
    credentials: jobs::Credentials,
    namer: Arc<dyn SessionNamer>,
    tasks: Weak<tasks::Tasks>,
    uses: uses::Uses,
    pass: reconcile::Pass,
    #[cfg(any(test, feature = "testing"))]
    injector: Option<Arc<dyn Injector>>,
}
