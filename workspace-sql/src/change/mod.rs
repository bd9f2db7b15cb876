//! The writes: each checks its guard inside the transaction.

mod books;
mod data;
mod jobs;
mod networks;
mod projects;
mod prune;
mod reservations;
mod servers;
mod usage;
mod workspaces;

pub(crate) use books::{AUDITED, EVENTS, REMEMBERED, audit_columns, remembered_columns};
pub(crate) use projects::{PROJECTS, project_columns};
pub(crate) use reservations::{Claim, RESERVATIONS};
pub(crate) use workspaces::{WORKSPACES, workspace_columns};
