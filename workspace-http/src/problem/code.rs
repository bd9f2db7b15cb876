//! The one table of codes: which status each has.

use http::StatusCode;
use workspace_core::error::ErrorKind;

/// A stable code of the API with its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// What programs look at, such as `name_taken`.
    pub name: &'static str,
    /// The status that it comes with.
    pub status: StatusCode,
    /// The same for people.
    pub title: &'static str,
    /// What to do next, where nothing better is known.
    pub next: &'static str,
}

const fn code(name: &'static str, status: StatusCode, title: &'static str, next: &'static str) -> Code {
    Code { name, status, title, next }
}

const fn kind(kind: ErrorKind, status: StatusCode, title: &'static str, next: &'static str) -> Code {
    code(kind.code(), status, title, next)
}

/// The body is not JSON.
pub(crate) const MALFORMED_JSON: Code =
    code("malformed_json", StatusCode::BAD_REQUEST, "Malformed JSON", "send one JSON object");
/// A header, the path or the framing of the request makes no sense.
pub(crate) const MALFORMED_REQUEST: Code = code(
    "malformed_request",
    StatusCode::BAD_REQUEST,
    "Malformed request",
    "check the headers and the length of the body",
);
/// The body has a field that does not exist.
pub(crate) const UNKNOWN_FIELD: Code =
    code("unknown_field", StatusCode::UNPROCESSABLE_ENTITY, "Unknown field", "take it out, or mend its spelling");
/// The body is larger than it may be.
pub(crate) const BODY_TOO_LARGE: Code = code(
    "body_too_large",
    StatusCode::PAYLOAD_TOO_LARGE,
    "Body too large",
    "send less: 2 MiB of JSON, 64 MiB of a file",
);
/// There is no such route.
pub(crate) const ROUTE_NOT_FOUND: Code =
    code("route_not_found", StatusCode::NOT_FOUND, "No such route", "GET /api/v1/openapi.json lists them all");
/// The route exists, but not with this method.
pub(crate) const METHOD_NOT_ALLOWED: Code = code(
    "method_not_allowed",
    StatusCode::METHOD_NOT_ALLOWED,
    "Method not allowed",
    "the header `Allow` lists those that it has",
);
/// A mistake of ours.
pub(crate) const INTERNAL: Code = kind(
    ErrorKind::Internal,
    StatusCode::INTERNAL_SERVER_ERROR,
    "Internal error",
    "the master's log has the cause, under the `X-Request-Id` of the answer",
);

/// Every code that a problem document can have. Bad input never gives 5xx.
pub const CODES: [Code; 47] = [
    MALFORMED_JSON,
    MALFORMED_REQUEST,
    UNKNOWN_FIELD,
    BODY_TOO_LARGE,
    ROUTE_NOT_FOUND,
    METHOD_NOT_ALLOWED,
    kind(
        ErrorKind::Invalid,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Invalid value",
        "change the value; the API is described at /api/v1/openapi.json",
    ),
    kind(ErrorKind::NotFound, StatusCode::NOT_FOUND, "Not found", "check the id and the token"),
    kind(ErrorKind::NameTaken, StatusCode::CONFLICT, "Name taken", "choose another name"),
    kind(ErrorKind::Conflict, StatusCode::CONFLICT, "Conflict", "wait until its state allows it"),
    kind(
        ErrorKind::ServerInUse,
        StatusCode::CONFLICT,
        "Server in use",
        "drain it, or cordon it and delete what is on it",
    ),
    kind(
        ErrorKind::RevisionMismatch,
        StatusCode::PRECONDITION_FAILED,
        "Changed meanwhile",
        "read it again, and repeat the change on what you read",
    ),
    kind(
        ErrorKind::IdempotencyMismatch,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Idempotency key used before",
        "use a new key for a new request",
    ),
    kind(ErrorKind::ProjectBusy, StatusCode::CONFLICT, "Project busy", "try again when it has ended"),
    kind(
        ErrorKind::Unauthenticated,
        StatusCode::UNAUTHORIZED,
        "Not authenticated",
        "send `Authorization: Bearer <token>` with a token of this fleet",
    ),
    kind(ErrorKind::Forbidden, StatusCode::FORBIDDEN, "Forbidden", "ask an administrator for a token with this scope"),
    kind(
        ErrorKind::NoHealthyServers,
        StatusCode::SERVICE_UNAVAILABLE,
        "No healthy servers",
        "register a server, or see `last_error` of the servers",
    ),
    kind(
        ErrorKind::InsufficientCapacity,
        StatusCode::INSUFFICIENT_STORAGE,
        "Insufficient capacity",
        "ask for less, loosen the labels, or stop something that runs",
    ),
    kind(
        ErrorKind::ImageNotFound,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Image not found",
        "mend the name, load the image on the servers, or push it to a registry that they reach; then PATCH `image` and start again",
    ),
    kind(
        ErrorKind::RegistryRefused,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Registry refused",
        "give the master credentials for this registry",
    ),
    kind(
        ErrorKind::RegistryUnreachable,
        StatusCode::BAD_GATEWAY,
        "Registry unreachable",
        "check name resolution and routes on the server; load the image there instead",
    ),
    kind(
        ErrorKind::StorageRefused,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Storage refused",
        "check the bucket, its region and the credentials",
    ),
    kind(
        ErrorKind::StorageUnreachable,
        StatusCode::BAD_GATEWAY,
        "Storage unreachable",
        "check that the servers reach the object storage, and try again",
    ),
    kind(
        ErrorKind::SnapshotDamaged,
        StatusCode::CONFLICT,
        "Snapshot damaged",
        "take another snapshot of the project; `detail` names what is damaged",
    ),
    kind(
        ErrorKind::RemoteRefused,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Remote refused",
        "give credentials that may read, and for a push write",
    ),
    kind(
        ErrorKind::RemoteUnreachable,
        StatusCode::BAD_GATEWAY,
        "Remote unreachable",
        "check the host's name and port, and that the server with the project may reach it",
    ),
    kind(
        ErrorKind::RemoteNotFound,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Not found at the remote",
        "check the path and the branch",
    ),
    kind(
        ErrorKind::AddressNotAllowed,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Address not allowed",
        "use a public host, or have the operator allow the host or the range",
    ),
    kind(
        ErrorKind::Diverged,
        StatusCode::CONFLICT,
        "Histories diverged",
        "pull, merge in the workspace, and push again; or push to a new branch",
    ),
    kind(ErrorKind::LocalChanges, StatusCode::CONFLICT, "Local changes", "commit or undo them, and pull again"),
    kind(ErrorKind::NotRunning, StatusCode::CONFLICT, "Not running", "start it, or wait until it runs"),
    kind(
        ErrorKind::ProgramNotFound,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Program not found",
        "give its whole path, or take an image that has it",
    ),
    kind(ErrorKind::FileNotFound, StatusCode::NOT_FOUND, "File not found", "list the folder above it"),
    kind(ErrorKind::TimeLimit, StatusCode::REQUEST_TIMEOUT, "Time limit", "give it a longer `timeout`"),
    kind(
        ErrorKind::Unreachable,
        StatusCode::BAD_GATEWAY,
        "Server unreachable",
        "check the endpoint, the network and whether its Docker Engine runs",
    ),
    kind(
        ErrorKind::TlsRefused,
        StatusCode::BAD_GATEWAY,
        "TLS refused",
        "check `ca`, `cert` and `key`, their dates, and that the scheme fits the port",
    ),
    kind(
        ErrorKind::Timeout,
        StatusCode::GATEWAY_TIMEOUT,
        "Server too slow",
        "try again; if it stays, look at the server's load",
    ),
    kind(
        ErrorKind::DiskFull,
        StatusCode::INSUFFICIENT_STORAGE,
        "Disk full",
        "delete files, or take a server with more room",
    ),
    kind(
        ErrorKind::ForeignObject,
        StatusCode::CONFLICT,
        "Foreign object",
        "look at it on the server; rename or remove it there. We never touch it",
    ),
    kind(
        ErrorKind::NetworkTaken,
        StatusCode::INSUFFICIENT_STORAGE,
        "Network taken",
        "nothing; if it stays, give the server a `network_cidr` that nobody else uses",
    ),
    kind(
        ErrorKind::WorkerImageMissing,
        StatusCode::NOT_IMPLEMENTED,
        "Worker image missing",
        "start the master with `WORKER_IMAGE`; see `make run`",
    ),
    kind(ErrorKind::Unsupported, StatusCode::NOT_IMPLEMENTED, "Unsupported", "use another kind of server"),
    kind(
        ErrorKind::StoreUnavailable,
        StatusCode::SERVICE_UNAVAILABLE,
        "Store unavailable",
        "try again; if it stays, look at the database and at the master's log",
    ),
    kind(
        ErrorKind::StoreInUse,
        StatusCode::SERVICE_UNAVAILABLE,
        "Store in use",
        "stop the other master, or keep the state in Postgres",
    ),
    kind(
        ErrorKind::Fenced,
        StatusCode::SERVICE_UNAVAILABLE,
        "Another master acts",
        "try again: the other one answers. Give every master a `MASTER_ID` of its own",
    ),
    kind(ErrorKind::Cancelled, StatusCode::SERVICE_UNAVAILABLE, "Cancelled", "look at the state, and try again"),
    INTERNAL,
];

impl Code {
    /// The code of a kind of error.
    pub fn of(kind: ErrorKind) -> Self {
        CODES.into_iter().find(|code| code.name == kind.code()).unwrap_or(INTERNAL)
    }
}
