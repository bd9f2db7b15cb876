//! Servers as they are shown: without the key of the client certificate, in any form.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::model::{self, Probe, ServerState};
use workspace_core::orchestrator;

use super::mirror::mirror;
use super::server::storage_text;
use super::{Overcommit, Resources};

mirror! {
    /// What the last probes found.
    Availability = model::Availability { Healthy, Unhealthy, Offline }
}

mirror! {
    /// Whether new work may come.
    Scheduling = model::Scheduling { Active, Cordoned, Draining }
}

/// A server of the fleet.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Server {
    id: Uuid,
    name: String,
    endpoint: String,
    /// Whom we trust and our certificate; null for plain HTTP. The key is never shown.
    tls: Option<Tls>,
    allow_insecure: bool,
    /// What it has: what was said at registration, filled in by what the server told.
    capacity: Resources,
    /// What its data jobs may use together: `job_slots` of them, or nothing where that is null.
    for_jobs: Resources,
    /// What may be reserved: the capacity without `for_jobs`, with its over-commit.
    limits: Resources,
    /// What is taken of the limits; the same as `reserved`.
    used: Resources,
    /// The sum of what is reserved.
    reserved: Resources,
    /// What can still be reserved.
    free: Resources,
    max_workspaces: Option<u32>,
    soft_max_workspaces: Option<u32>,
    overcommit: Overcommit,
    /// Data jobs that run at once beside the workspaces; null for the fleet's default.
    job_slots: Option<u32>,
    labels: BTreeMap<String, String>,
    storage: String,
    /// Whether a workspace's disk limit is enforced there; where not, it is reserved and watched only.
    disk_enforced: bool,
    network_cidr: Option<String>,
    availability: Availability,
    scheduling: Scheduling,
    /// How many workspaces are placed on it, running or not.
    workspaces: u32,
    /// The engine and its version, as the last good probe told.
    engine: Option<String>,
    architecture: Option<String>,
    /// What an operator should know.
    warnings: Vec<String>,
    /// When the first certificate ends: ours, the authority's, or the one that the server shows; null without TLS.
    #[schema(value_type = Option<String>, format = DateTime)]
    certificate_expires_at: Option<workspace_core::clock::Timestamp>,
    /// How far its clock is ahead of the master's; negative is behind.
    clock_skew_ms: Option<i64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_probe: Option<workspace_core::clock::Timestamp>,
    /// Why it is not healthy.
    last_error: Option<String>,
    /// How creates fail on it, as this master saw it; null while they succeed.
    pub(crate) creating: Option<Creating>,
    /// Grows with each edit: the ETag.
    pub(crate) revision: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: workspace_core::clock::Timestamp,
}

/// Creates that fail on a server that is healthy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Creating {
    /// Failed creates since the last that succeeded.
    failures: u32,
    /// Why the last of them failed.
    last_error: String,
    /// For how long nothing new goes there, in seconds; 0 when the next one is the trial, or too few failed.
    paused_seconds: u64,
}

impl From<orchestrator::Creating> for Creating {
    fn from(creating: orchestrator::Creating) -> Self {
        let paused_seconds = creating.paused_for.unwrap_or_default().as_secs();
        Self { failures: creating.failures, last_error: creating.last_error, paused_seconds }
    }
}

/// The public half of mutual TLS.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServerTls)]
struct Tls {
    /// The authority that signed the server's certificate, as PEM text.
    ca: String,
    /// Our certificate, as PEM text.
    cert: String,
}

impl From<ServerState> for Server {
    fn from(state: ServerState) -> Self {
        let (limits, free) = (state.record.limits(), state.free());
        let model::ServerRecord { id, spec, totals, for_jobs, scheduling, revision, created_at } = state.record;
        let probe = state.observation.probe;
        Self {
            id: id.as_uuid(),
            name: spec.name,
            endpoint: spec.endpoint,
            tls: spec.tls.map(|tls| Tls { ca: tls.ca, cert: tls.cert }),
            allow_insecure: spec.allow_insecure,
            capacity: totals.into(),
            for_jobs: for_jobs.into(),
            limits: limits.into(),
            used: state.reserved.into(),
            reserved: state.reserved.into(),
            free: free.into(),
            max_workspaces: spec.max_workspaces,
            soft_max_workspaces: spec.soft_max_workspaces,
            overcommit: spec.overcommit.into(),
            job_slots: spec.job_slots,
            labels: spec.labels,
            storage: storage_text(&spec.storage),
            // No storage driver that we use can.
            disk_enforced: false,
            network_cidr: spec.network_cidr,
            availability: state.observation.availability.into(),
            scheduling: scheduling.into(),
            workspaces: state.workspaces,
            engine: probe.as_ref().map(|probe| probe.engine.clone()),
            architecture: probe.as_ref().map(|probe| probe.architecture.clone()),
            certificate_expires_at: probe.as_ref().and_then(|probe| probe.certificate_expires_at),
            clock_skew_ms: state.observation.clock_skew_ms,
            warnings: probe.map(|probe| probe.warnings).unwrap_or_default(),
            last_probe: state.observation.last_probe,
            last_error: state.observation.last_error,
            creating: None,
            revision,
            created_at,
        }
    }
}

/// What a server tells of itself now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerStats {
    /// What the machine has.
    totals: Resources,
    /// What may be reserved.
    limits: Resources,
    reserved: Resources,
    free: Resources,
    /// How many workspaces are placed on it, running or not.
    workspaces: u32,
    engine: String,
    architecture: String,
    /// The server's own clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    server_time: Option<workspace_core::clock::Timestamp>,
    warnings: Vec<String>,
}

impl ServerStats {
    pub(crate) fn new(state: &ServerState, probe: Probe) -> Self {
        Self {
            totals: probe.totals.into(),
            limits: state.record.limits().into(),
            reserved: state.reserved.into(),
            free: state.free().into(),
            workspaces: state.workspaces,
            engine: probe.engine,
            architecture: probe.architecture,
            server_time: probe.server_time,
            warnings: probe.warnings,
        }
    }
}
