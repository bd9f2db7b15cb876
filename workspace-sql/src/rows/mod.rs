//! How rows and the model become each other.

mod books;
mod job;
mod project;
mod server;
mod usage;
mod workspace;

pub(crate) use books::{AUDIT, EVENT, IDEMPOTENCY, RESERVATION, TOKEN, audit, event, idempotency, reservation, token};
pub(crate) use job::{JOB, job};
pub(crate) use project::{PROJECT, SealedProject, project};
pub(crate) use server::{AMOUNTS, SERVER, SealedRecord, amounts, resources, scheduling_name, server};
pub(crate) use usage::{USAGE, usage};
pub(crate) use workspace::{WORKSPACE, intent_name, workspace};
