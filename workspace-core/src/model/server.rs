//! A server of the fleet: what an admin said of it, and what was last seen.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::ServerId;
use crate::label::Labels;
use crate::resources::{Overcommit, Resources};
use crate::secret::Secret;

/// Whether the last probes found the server fit for work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It answers and can work.
    Healthy,
    /// It answers, but not as it should.
    Unhealthy,
    /// It does not answer, or was never reached.
    #[default]
    Offline,
}

/// Whether an admin lets new work go to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheduling {
    /// New work may come.
    #[default]
    Active,
    /// No new work; what is there stays.
    Cordoned,
    /// No new work; what is there is moved away.
    Draining,
}

/// How the volumes of a server are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageKind {
    /// Named volumes of the server's default driver.
    #[default]
    Volume,
    /// Directories below this absolute path of the server.
    Bind(String),
}

/// What mTLS needs, as PEM text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsMaterial {
    /// The certificate authority that signed the server's certificate.
    pub ca: String,
    /// Our certificate.
    pub cert: String,
    /// The key of our certificate, PKCS#8.
    pub key: Secret,
}

/// What an admin says of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerSpec {
    /// The name, unique in the fleet, 1 to 63 characters of `a-z 0-9 . _ -`.
    pub name: String,
    /// Where it is: `https://host:2376`, `http://host:2375`, `unix:///path` or, for local servers, `local:///path`.
    pub endpoint: String,
    /// Our identity and whom we trust; needed for `https`.
    #[serde(default)]
    pub tls: Option<TlsMaterial>,
    /// Whether plain HTTP to another machine is allowed.
    #[serde(default)]
    pub allow_insecure: bool,
    /// The totals; dimensions that are zero are asked from the server, `None` asks for all.
    #[serde(default)]
    pub capacity: Option<Resources>,
    /// At most this many running workspaces: the `slots` of the totals.
    #[serde(default)]
    pub max_workspaces: Option<u32>,
    /// More running workspaces than this only when no other server has room.
    #[serde(default)]
    pub soft_max_workspaces: Option<u32>,
    /// How far reservations may exceed the totals.
    #[serde(default)]
    pub overcommit: Overcommit,
    /// Data jobs that may run at once beside the workspaces; what they may use is set off the totals. The fleet's
    /// default, and nothing set off, when absent.
    #[serde(default)]
    pub job_slots: Option<u32>,
    /// What requests can ask for.
    #[serde(default)]
    pub labels: Labels,
    /// How volumes are kept.
    #[serde(default)]
    pub storage: StorageKind,
    /// The range from which each workspace gets a /28; 10.200.0.0/16 when absent.
    #[serde(default)]
    pub network_cidr: Option<String>,
}

impl ServerSpec {
    /// A server at an endpoint with every default.
    pub fn new(name: impl Into<String>, endpoint: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            endpoint: endpoint.into(),
            tls: None,
            allow_insecure: false,
            capacity: None,
            max_workspaces: None,
            soft_max_workspaces: None,
            overcommit: Overcommit::default(),
            job_slots: None,
            labels: Labels::new(),
            storage: StorageKind::Volume,
            network_cidr: None,
        }
    }
}

/// The row of a server without what changes by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Its id.
    pub id: ServerId,
    /// What the admin said.
    pub spec: ServerSpec,
    /// What it has: the spec's capacity, filled in by what the server told at registration.
    pub totals: Resources,
    /// What its data jobs may use together, where the spec says how many: it is not for workspaces and agents.
    #[serde(default)]
    pub for_jobs: Resources,
    /// Whether new work may come.
    pub scheduling: Scheduling,
    /// Grows with each edit.
    pub revision: u64,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl ServerRecord {
    /// A new server with these totals, open for work and with nothing set off for data jobs.
    pub fn new(id: ServerId, spec: ServerSpec, totals: Resources, created_at: Timestamp) -> Self {
        Self {
            id,
            spec,
            totals,
            for_jobs: Resources::default(),
            scheduling: Scheduling::Active,
            revision: 1,
            created_at,
        }
    }

    /// What may be reserved: the totals without what is for data jobs, times the over-commit.
    pub fn limits(&self) -> Resources {
        self.spec.overcommit.limits(self.totals.minus(self.for_jobs))
    }
}

/// What one probe of a server told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// What the machine has; `slots` is what the backend thinks sensible.
    pub totals: Resources,
    /// The engine and its version, such as `Docker 20.10.24`.
    pub engine: String,
    /// The processor architecture, such as `x86_64`.
    pub architecture: String,
    /// The server's own clock.
    pub server_time: Option<Timestamp>,
    /// When the first certificate ends: ours, the authority's, or the one that the server shows; `None` without TLS.
    #[serde(default)]
    pub certificate_expires_at: Option<Timestamp>,
    /// What an operator should know, such as an old runtime; empty when all is well.
    pub warnings: Vec<String>,
}

/// What the last probe said of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerObservation {
    /// The verdict.
    pub availability: Availability,
    /// When the server was last asked.
    pub last_probe: Option<Timestamp>,
    /// Why it is not healthy.
    pub last_error: Option<String>,
    /// How far its clock is ahead of ours in milliseconds, behind when negative, when it last told; half of the way
    /// there and back is taken off.
    #[serde(default)]
    pub clock_skew_ms: Option<i64>,
    /// What it told when it last answered.
    pub probe: Option<Probe>,
}

/// A server with everything that placement looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerState {
    /// The row.
    pub record: ServerRecord,
    /// What was last seen.
    pub observation: ServerObservation,
    /// The sum of its live reservations.
    pub reserved: Resources,
    /// How many workspaces are placed on it, running or not.
    pub workspaces: u32,
}

impl ServerState {
    /// What can still be reserved.
    pub fn free(&self) -> Resources {
        self.record.limits().minus(self.reserved)
    }
}
