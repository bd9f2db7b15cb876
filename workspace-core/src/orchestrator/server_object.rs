//! What there is of ours on a server, and what becomes of it when no row knows it.

use crate::id::ServerId;
use crate::model::ServerRecord;

/// A container, network or volume of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerObject {
    /// The server.
    pub server: ServerId,
    /// Its name.
    pub server_name: String,
    /// What it is.
    pub kind: ServerObjectKind,
    /// The name of the object.
    pub name: String,
}

/// What there is of ours on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerObjectKind {
    /// A container of a workspace or of a job.
    Container,
    /// A workspace's network.
    Network,
    /// The data of a project, or what is kept beside it.
    Volume,
}

impl ServerObject {
    pub(in crate::orchestrator) fn on(record: &ServerRecord, kind: ServerObjectKind, name: &str) -> Self {
        Self { server: record.id, server_name: record.spec.name.clone(), kind, name: name.to_owned() }
    }
}

impl ServerObjectKind {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }
}

/// What becomes of an object that no row accounts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrphanFate {
    /// It is removed: a container, a network, a cache, or a volume with nothing in it.
    Removed,
    /// Data of a project that no row knows gets one again.
    TakenIn,
    /// Data that is nobody's current copy stays until somebody decides.
    Kept,
}

impl OrphanFate {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::TakenIn => "taken_in",
            Self::Kept => "kept",
        }
    }
}
