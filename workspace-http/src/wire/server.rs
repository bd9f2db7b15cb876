//! Servers as administrators send them.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;
use workspace_core::error::{Error, Result};
use workspace_core::model::{ServerSpec, StorageKind, TlsMaterial};
use workspace_core::orchestrator::ServerPatch;
use workspace_core::secret::Secret;

use super::{Amounts, Overcommit};

/// A server to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewServer)]
pub(crate) struct ServerBody {
    /// The name, unique in the fleet: 1 to 63 characters of `a-z 0-9 . _ -`.
    #[schema(example = "ws-eu-1")]
    name: String,
    /// Where it is: `https://host:2376`, `http://host:2375`, `unix:///path`.
    #[schema(example = "https://10.0.0.5:2376")]
    endpoint: String,
    /// Our identity and whom we trust, as PEM text; null for plain HTTP.
    #[serde(default)]
    tls: Option<TlsBody>,
    /// Whether plain HTTP to another machine is allowed.
    #[serde(default)]
    allow_insecure: bool,
    /// What it has; what is 0 or absent is asked from the server.
    #[serde(default)]
    capacity: Option<Amounts>,
    /// At most this many running workspaces.
    #[serde(default)]
    max_workspaces: Option<u32>,
    /// More running workspaces than this only when no other server has room.
    #[serde(default)]
    soft_max_workspaces: Option<u32>,
    /// How far reservations may exceed the capacity.
    #[serde(default)]
    overcommit: Option<Overcommit>,
    /// Data jobs that may run at once beside the workspaces. What they may use is set off the capacity; with the
    /// fleet's default, where this is absent, nothing is.
    #[serde(default)]
    job_slots: Option<u32>,
    /// What requests can ask for.
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    /// `volume` for named volumes, `bind:/path` for directories below a path of the server.
    #[serde(default)]
    #[schema(example = "volume")]
    storage: Option<String>,
    /// The range from which each workspace gets a network; 10.200.0.0/16 when absent.
    #[serde(default)]
    network_cidr: Option<String>,
}

/// Mutual TLS, as PEM text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewServerTls)]
struct TlsBody {
    /// The authority that signed the server's certificate.
    ca: String,
    /// Our certificate.
    cert: String,
    /// The key of our certificate. Sealed at rest, never shown.
    #[schema(value_type = String, write_only)]
    key: Secret,
}

impl From<TlsBody> for TlsMaterial {
    fn from(TlsBody { ca, cert, key }: TlsBody) -> Self {
        Self { ca, cert, key }
    }
}

impl ServerBody {
    pub(crate) fn into_spec(self) -> Result<ServerSpec> {
        Ok(ServerSpec {
            tls: self.tls.map(Into::into),
            allow_insecure: self.allow_insecure,
            capacity: self.capacity.map(Into::into),
            max_workspaces: self.max_workspaces,
            soft_max_workspaces: self.soft_max_workspaces,
            overcommit: self.overcommit.unwrap_or_default().into(),
            job_slots: self.job_slots,
            labels: self.labels.unwrap_or_default(),
            storage: self.storage.as_deref().map_or(Ok(StorageKind::Volume), storage)?,
            network_cidr: self.network_cidr,
            ..ServerSpec::new(self.name, self.endpoint)
        })
    }
}

fn storage(text: &str) -> Result<StorageKind> {
    match text.strip_prefix("bind:") {
        _ if text == "volume" => Ok(StorageKind::Volume),
        Some(path) if path.starts_with('/') => Ok(StorageKind::Bind(path.to_owned())),
        _ => Err(Error::invalid("storage", format!("no such storage {text:?}"))
            .hint("use `volume`, or `bind:` with an absolute path of the server, such as bind:/data")),
    }
}

/// The text of [`storage`].
pub(super) fn storage_text(storage: &StorageKind) -> String {
    match storage {
        StorageKind::Volume => "volume".to_owned(),
        StorageKind::Bind(path) => format!("bind:{path}"),
    }
}

/// Reads servers from a JSON array of bodies as `POST /admin/servers` takes them, such as a program's configuration
/// has.
///
/// # Errors
/// `Invalid`; the message says which server and field is wrong.
pub fn servers_from_json(text: &str) -> Result<Vec<ServerSpec>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let bodies: Vec<ServerBody> = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        Error::invalid("servers", format!("{path}: {}", error.inner()))
            .hint("give a JSON array of servers as POST /api/v1/admin/servers takes them")
    })?;
    bodies.into_iter().map(ServerBody::into_spec).collect()
}

/// What to change of a server; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ServerPatch)]
pub(crate) struct ServerPatchBody {
    /// New labels, all of them.
    labels: Option<BTreeMap<String, String>>,
    /// New capacity; what is 0 or absent is asked from the server.
    capacity: Option<Amounts>,
    /// At most this many running workspaces.
    max_workspaces: Option<u32>,
    /// More running workspaces than this only when no other server has room.
    soft_max_workspaces: Option<u32>,
    /// How far reservations may exceed the capacity.
    overcommit: Option<Overcommit>,
    /// Data jobs that may run at once beside the workspaces; what they may use is set off the capacity.
    job_slots: Option<u32>,
    /// New certificates. The server must answer to them.
    tls: Option<TlsBody>,
}

impl From<ServerPatchBody> for ServerPatch {
    fn from(body: ServerPatchBody) -> Self {
        Self {
            labels: body.labels,
            capacity: body.capacity.map(Into::into),
            max_workspaces: body.max_workspaces,
            soft_max_workspaces: body.soft_max_workspaces,
            overcommit: body.overcommit.map(Into::into),
            job_slots: body.job_slots,
            tls: body.tls.map(Into::into),
        }
    }
}
