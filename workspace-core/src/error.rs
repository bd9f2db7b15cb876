//! The one error of the public API: what went wrong, whether to try again, and what to do next.

use std::error::Error as StdError;
use std::fmt;

use crate::placement::Rejection;

/// A `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong. [`ErrorKind::code`] is stable and goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A field of the request has a value that can never work.
    Invalid,
    /// There is no such thing, or it is not the caller's.
    NotFound,
    /// The name is taken.
    NameTaken,
    /// The thing's state does not allow this now.
    Conflict,
    /// The server still has workspaces or reservations, or is not cordoned.
    ServerInUse,
    /// The edit was made against an older revision.
    RevisionMismatch,
    /// The same idempotency key came with another request.
    IdempotencyMismatch,
    /// Another writing job runs on the project.
    ProjectBusy,
    /// No token, or one that is not known, expired or revoked.
    Unauthenticated,
    /// The token's scopes do not allow this.
    Forbidden,
    /// No server is healthy and open for placement.
    NoHealthyServers,
    /// Healthy servers exist, but none has room for the request.
    InsufficientCapacity,
    /// The image is neither on the server nor in a registry that it reaches.
    ImageNotFound,
    /// The image's registry does not accept the credentials, or wants some.
    RegistryRefused,
    /// The server does not reach the image's registry.
    RegistryUnreachable,
    /// The object storage does not accept the credentials, or has no such bucket.
    StorageRefused,
    /// The object storage does not answer, or answers nonsense.
    StorageUnreachable,
    /// A snapshot is not what it was when it was written.
    SnapshotDamaged,
    /// The git server does not accept the credentials, wants some, or forbids the act.
    RemoteRefused,
    /// The git server cannot be reached from where the project lives.
    RemoteUnreachable,
    /// The git server answers, and has no such repository, branch or version.
    RemoteNotFound,
    /// The remote's address is not public, and the operator does not allow it.
    AddressNotAllowed,
    /// The project and its remote have each gone on by themselves.
    Diverged,
    /// Changes in the project that are in no version yet stand in the way.
    LocalChanges,
    /// The workspace has no running container.
    NotRunning,
    /// The program of an exec does not exist or is not executable.
    ProgramNotFound,
    /// The file or folder does not exist in the workspace.
    FileNotFound,
    /// The program ran into its time limit and was ended with all its children.
    TimeLimit,
    /// The server cannot be reached.
    Unreachable,
    /// The server's TLS identity or ours was refused.
    TlsRefused,
    /// The server took longer than this kind of call may take; it may still carry it out.
    Timeout,
    /// The server's disk, or the workspace's share of it, is full.
    DiskFull,
    /// Another network of the server uses these addresses.
    NetworkTaken,
    /// An object with our name exists that is not ours.
    ForeignObject,
    /// The operation needs the worker image, and none was given.
    WorkerImageMissing,
    /// This backend cannot do it.
    Unsupported,
    /// The store cannot be reached.
    StoreUnavailable,
    /// Another master holds the store alone.
    StoreInUse,
    /// A later epoch of this master, or another master, owns the work.
    Fenced,
    /// The operation was cancelled.
    Cancelled,
    /// A mistake of ours or an answer that makes no sense.
    Internal,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 41] = [
        Self::Invalid,
        Self::NotFound,
        Self::NameTaken,
        Self::Conflict,
        Self::ServerInUse,
        Self::RevisionMismatch,
        Self::IdempotencyMismatch,
        Self::ProjectBusy,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NoHealthyServers,
        Self::InsufficientCapacity,
        Self::ImageNotFound,
        Self::RegistryRefused,
        Self::RegistryUnreachable,
        Self::StorageRefused,
        Self::StorageUnreachable,
        Self::SnapshotDamaged,
        Self::RemoteRefused,
        Self::RemoteUnreachable,
        Self::RemoteNotFound,
        Self::AddressNotAllowed,
        Self::Diverged,
        Self::LocalChanges,
        Self::NotRunning,
        Self::ProgramNotFound,
        Self::FileNotFound,
        Self::TimeLimit,
        Self::Unreachable,
        Self::TlsRefused,
        Self::Timeout,
        Self::DiskFull,
        Self::NetworkTaken,
        Self::ForeignObject,
        Self::WorkerImageMissing,
        Self::Unsupported,
        Self::StoreUnavailable,
        Self::StoreInUse,
        Self::Fenced,
        Self::Cancelled,
        Self::Internal,
    ];

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The stable code that goes over the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::NameTaken => "name_taken",
            Self::Conflict => "conflict",
            Self::ServerInUse => "server_in_use",
            Self::RevisionMismatch => "revision_mismatch",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::ProjectBusy => "project_busy",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NoHealthyServers => "no_healthy_servers",
            Self::InsufficientCapacity => "insufficient_capacity",
            Self::ImageNotFound => "image_not_found",
            Self::RegistryRefused => "registry_refused",
            Self::RegistryUnreachable => "registry_unreachable",
            Self::StorageRefused => "storage_refused",
            Self::StorageUnreachable => "storage_unreachable",
            Self::SnapshotDamaged => "snapshot_damaged",
            Self::RemoteRefused => "remote_refused",
            Self::RemoteUnreachable => "remote_unreachable",
            Self::RemoteNotFound => "remote_not_found",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::Diverged => "diverged",
            Self::LocalChanges => "local_changes",
            Self::NotRunning => "not_running",
            Self::ProgramNotFound => "program_not_found",
            Self::FileNotFound => "file_not_found",
            Self::TimeLimit => "time_limit",
            Self::Unreachable => "server_unreachable",
            Self::TlsRefused => "tls_refused",
            Self::Timeout => "timeout",
            Self::DiskFull => "disk_full",
            Self::NetworkTaken => "network_taken",
            Self::ForeignObject => "foreign_object",
            Self::WorkerImageMissing => "worker_image_missing",
            Self::Unsupported => "unsupported",
            Self::StoreUnavailable => "store_unavailable",
            Self::StoreInUse => "store_in_use",
            Self::Fenced => "fenced",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }

    /// Whether the same request may succeed later without a change.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::ProjectBusy
                | Self::NoHealthyServers
                | Self::InsufficientCapacity
                | Self::RegistryUnreachable
                | Self::StorageUnreachable
                | Self::RemoteUnreachable
                | Self::Unreachable
                | Self::Timeout
                | Self::StoreUnavailable
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why an operation failed.
///
/// `Display` is one lower-case sentence without its source; walk [`StdError::source`] for the chain.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    field: Option<String>,
    hint: Option<String>,
    rejections: Vec<Rejection>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind; `message` is a lower-case sentence without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { kind, message, field: None, hint: None, rejections: Vec::new(), source: None }))
    }

    /// A value of the request that can never work; `field` is its path, such as `resources.cpu_millis`.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Invalid, message);
        error.0.field = Some(field.into());
        error
    }

    /// The answer to a missing and to a foreign id alike: it tells nothing about which.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("no such {what}"))
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds why each server was refused.
    #[must_use]
    pub fn rejections(mut self, rejections: Vec<Rejection>) -> Self {
        self.0.rejections = rejections;
        self
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence that `Display` shows.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The field of the request that is wrong.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// What to do next.
    pub fn next_step(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Why each server was refused.
    pub fn refused_servers(&self) -> &[Rejection] {
        &self.0.rejections
    }

    /// Whether the same request may succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }

    /// The whole chain in one line, for logs and for the `error` of a workspace.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = StdError::source(self);
        while let Some(error) = next {
            text.push_str(": ");
            text.push_str(&error.to_string());
            next = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_leaves_the_source_to_the_chain() {
        let inner = std::io::Error::other("connection refused");
        let error = Error::new(ErrorKind::Unreachable, "server ws-1 does not answer").source(inner);
        assert_eq!(error.to_string(), "server ws-1 does not answer");
        assert_eq!(error.chain(), "server ws-1 does not answer: connection refused");
        assert!(error.is_retryable());
    }
}
