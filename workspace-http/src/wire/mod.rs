//! What goes over the wire, one file per resource, with the conversions from and to core beside it.
//!
//! Requests refuse fields that they do not know. Answers only ever gain fields.

mod audit;
mod consistency;
mod event;
mod exec;
mod file;
mod fleet;
mod git;
mod health;
mod job;
mod mirror;
mod page;
mod placement;
mod problem;
mod project;
mod reconcile;
mod resources;
mod server;
mod server_answer;
mod session;
mod snapshot;
mod timespan;
mod token;
mod usage;
mod workspace;
mod workspace_answer;
mod workspace_patch;
mod workspace_status;
mod workspace_summary;

pub(crate) use audit::{AuditEntry, AuditQuery};
pub(crate) use consistency::Consistency;
pub(crate) use event::Event;
pub(crate) use exec::{ExecAnswer, ExecBody, RunBody};
pub(crate) use file::FileEntry;
pub(crate) use fleet::Fleet;
pub(crate) use health::HealthWish;
pub(crate) use job::{JobAnswer, direction};
pub(crate) use page::Page;
pub(crate) use placement::{Explanation, Placement, PlacementWish, Rejection};
pub(crate) use problem::Reason;
pub(crate) use project::{
    BackupPolicy, CloneBody, MountBody, Project, ProjectBody, ProjectPatchBody, RestoreBody, SyncBody, SyncDirection,
};
pub(crate) use reconcile::{ReconcileBody, Reconciled};
pub(crate) use resources::{Amounts, Overcommit, Resources};
pub use server::servers_from_json;
pub(crate) use server::{ServerBody, ServerPatchBody};
pub(crate) use server_answer::{Server, ServerStats};
pub(crate) use session::{ExecuteBody, Execution, ResumeBody, Session, Started};
pub(crate) use snapshot::{Snapshot, SnapshotBody};
pub(crate) use timespan::Timespan;
pub(crate) use token::{IssuedToken, TokenBody};
pub(crate) use usage::{Usage, WindowQuery, WorkspaceUsage};
pub(crate) use workspace::{Failover, Restart, WorkspaceBody};
pub(crate) use workspace_answer::{Health, Intent, Status, Workspace, WorkspaceType};
pub(crate) use workspace_patch::WorkspacePatchBody;
pub(crate) use workspace_status::{WorkspaceStats, WorkspaceStatus};
pub(crate) use workspace_summary::{Sum, WorkspaceSummary};
