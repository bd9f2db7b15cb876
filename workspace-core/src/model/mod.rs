//! The rows of a fleet: what must survive a restart.
//!
//! Objects, not relationships: a row says what is wanted and what was last seen; everything else is derived.

mod idempotency;
mod lease;
mod project;
mod reservation;
mod server;
mod token;
mod workspace;

pub use idempotency::IdempotencyRecord;
pub use lease::{Fence, Lease};
pub use project::{GitSource, Project, ProjectCopy, ProjectSource};
pub use reservation::{Reservation, ReservationPart};
pub use server::{
    Availability, Probe, Scheduling, ServerObservation, ServerRecord, ServerSpec, ServerState, StorageKind, TlsMaterial,
};
pub use token::{Scope, Token};
pub use workspace::{
    Desired, Failover, Health, Intent, Observed, PlacementRecord, PlacementSpec, Problem, RestartPolicy, RestartSpec,
    Status, StrategyKind, Workspace, WorkspaceSpec,
};
