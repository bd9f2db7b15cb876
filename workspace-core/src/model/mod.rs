//! The rows of a fleet: what must survive a restart.
//!
//! Objects, not relationships: a row says what is wanted and what was last seen; everything else is derived.

mod audit;
mod git_access;
mod health;
mod idempotency;
mod job;
mod lease;
mod project;
mod reservation;
mod server;
mod session;
mod snapshot;
mod switch;
mod token;
mod usage;
mod workspace;

pub use audit::AuditEntry;
pub use git_access::{GitAccess, SshKey};
pub use health::{HealthCheck, HealthSpec};
pub use idempotency::IdempotencyRecord;
pub use job::{AgentKind, AgentWork, Job, JobStatus, OnSuccess, StepReport, SyncStep, Work};
pub use lease::{Fence, Lease};
pub use project::{AbandonedJob, BackupPolicy, GitSource, Project, ProjectCopy, ProjectSource, Rescue, SavedOnStop};
pub use reservation::{Reservation, ReservationPart};
pub use server::{
    Availability, Probe, Scheduling, ServerObservation, ServerRecord, ServerSpec, ServerState, StorageKind, TlsMaterial,
};
pub use session::Session;
pub use snapshot::{Snapshot, SnapshotProfile, SnapshotStatus};
pub use switch::{Move, MoveCause, Switch, SwitchTo, Written};
pub use token::{Scope, Token};
pub use usage::{Running, UsageEnd, UsageInterval};
pub use workspace::{
    Desired, Failover, Health, Intent, Observed, PlacementRecord, PlacementSpec, Problem, RestartPolicy, RestartSpec,
    Status, StrategyKind, Workspace, WorkspaceSpec,
};
