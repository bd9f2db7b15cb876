//! Servers.

use workspace_core::error::Result;
use workspace_core::id::ServerId;
use workspace_core::model::{Scheduling, ServerRecord, ServerState};
use workspace_core::resources::Resources;
use workspace_core::secret::Secret;

use crate::seal::Vault;
use crate::value::{Row, Value, json};

/// What [`server`] reads, of `@servers s`.
pub(crate) const SERVER: &str = "s.record, s.sealed, s.observation, s.reserved_cpu, s.reserved_memory, \
    s.reserved_disk, s.reserved_slots, s.reserved_gpus, \
    (SELECT count(*) FROM @workspaces w WHERE w.server = s.id AND w.status <> 'deleted')";

/// The columns of [`amounts`].
pub(crate) const AMOUNTS: [&str; 5] = ["cpu", "memory", "disk", "slots", "gpus"];

/// A record as it is written: its secret apart and sealed.
pub(crate) struct SealedRecord {
    pub(crate) text: String,
    pub(crate) sealed: Option<Vec<u8>>,
}

fn place(id: ServerId) -> String {
    format!("server {id}")
}

impl SealedRecord {
    pub(crate) fn new(vault: &Vault, record: &ServerRecord) -> Result<Self> {
        let mut record = record.clone();
        let sealed = match &mut record.spec.tls {
            None => None,
            Some(tls) => {
                let key = std::mem::replace(&mut tls.key, Secret::new(""));
                Some(vault.seal(&place(record.id), &key)?)
            }
        };
        Ok(Self { text: json(&record)?, sealed })
    }
}

pub(crate) fn server(vault: &Vault, row: &mut Row) -> Result<ServerState> {
    let mut record: ServerRecord = row.json()?;
    if let (Some(tls), Some(sealed)) = (&mut record.spec.tls, row.opt_bytes()?) {
        tls.key = vault.open(&place(record.id), &sealed)?;
    }
    let observation = row.json()?;
    let reserved = resources(row)?;
    let workspaces = u32::try_from(row.count()?).unwrap_or(u32::MAX);
    Ok(ServerState { record, observation, reserved, workspaces })
}

/// Five columns in the order of [`AMOUNTS`].
pub(crate) fn resources(row: &mut Row) -> Result<Resources> {
    Ok(Resources {
        cpu_millis: row.count()?,
        memory_mib: row.count()?,
        disk_gib: row.count()?,
        slots: row.count()?,
        gpus: row.count()?,
    })
}

/// Five parameters in the order of [`AMOUNTS`].
pub(crate) fn amounts(resources: Resources) -> [Value; 5] {
    let Resources { cpu_millis, memory_mib, disk_gib, slots, gpus } = resources;
    [cpu_millis, memory_mib, disk_gib, slots, gpus].map(Value::from)
}

pub(crate) const fn scheduling_name(scheduling: Scheduling) -> &'static str {
    match scheduling {
        Scheduling::Active => "active",
        Scheduling::Cordoned => "cordoned",
        Scheduling::Draining => "draining",
    }
}
