//! The fleet in one look.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::id::FleetId;
use crate::model::{Availability, Scope};
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::{PageRequest, WorkspaceFilter};
use crate::resources::Resources;

/// The fleet in one look.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetSummary {
    /// Its id: the owner label of everything it makes.
    pub fleet: FleetId,
    /// Servers by availability.
    pub servers: BTreeMap<&'static str, usize>,
    /// Servers by `name=value` of their labels.
    pub labels: BTreeMap<String, usize>,
    /// Workspaces by status.
    pub workspaces: BTreeMap<&'static str, usize>,
    /// What all servers may have reserved.
    pub limits: Resources,
    /// What is reserved.
    pub reserved: Resources,
}

impl Orchestrator {
    /// The fleet in one look.
    pub async fn fleet(&self, caller: &Caller) -> Result<FleetSummary> {
        caller.require(Scope::Admin)?;
        let mut summary = FleetSummary {
            fleet: self.core.fleet,
            servers: BTreeMap::new(),
            labels: BTreeMap::new(),
            workspaces: BTreeMap::new(),
            limits: Resources::default(),
            reserved: Resources::default(),
        };
        for server in self.core.store.servers().await? {
            let availability = match server.observation.availability {
                Availability::Healthy => "healthy",
                Availability::Unhealthy => "unhealthy",
                Availability::Offline => "offline",
            };
            *summary.servers.entry(availability).or_default() += 1;
            for (name, value) in &server.record.spec.labels {
                *summary.labels.entry(format!("{name}={value}")).or_default() += 1;
            }
            summary.limits = summary.limits.plus(server.record.limits());
            summary.reserved = summary.reserved.plus(server.reserved);
        }
        let mut page = PageRequest { after: None, limit: 1_000 };
        loop {
            let workspaces = self.core.store.workspaces(&WorkspaceFilter::default(), page).await?;
            for row in &workspaces.items {
                *summary.workspaces.entry(row.observed.status.name()).or_default() += 1;
            }
            match workspaces.next {
                Some(next) => page.after = Some(next),
                None => return Ok(summary),
            }
        }
    }

    /// Whether the store answers.
    pub async fn ready(&self) -> Result<()> {
        self.core.store.fleet_id().await.map(|_| ())
    }
}
