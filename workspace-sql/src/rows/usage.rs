//! Running intervals.

use workspace_core::error::Result;
use workspace_core::id::{OwnerId, ServerId, WorkspaceId};
use workspace_core::model::{Running, UsageEnd, UsageInterval};

use super::server::resources;
use crate::value::{Row, broken};

/// What [`usage`] reads.
pub(crate) const USAGE: &str =
    "workspace, seq, owner, server, generation, cpu, memory, disk, slots, gpus, began, ended, ended_by";

pub(crate) fn usage(row: &mut Row) -> Result<UsageInterval> {
    let (workspace, seq, owner) = (WorkspaceId::from_uuid(row.id()?), row.count()?, OwnerId::new(row.text()?));
    let (server, generation) = (ServerId::from_uuid(row.id()?), row.count()?);
    let running = Running { server, generation, resources: resources(row)? };
    let began = row.moment()?;
    let ended = match row.opt_moment()? {
        Some(moment) => Some((moment, end_of(&row.text()?)?)),
        None => None,
    };
    Ok(UsageInterval { workspace, seq, owner, running, began, ended })
}

fn end_of(name: &str) -> Result<UsageEnd> {
    UsageEnd::ALL.into_iter().find(|end| end.name() == name).ok_or_else(|| broken("no end of an interval"))
}
