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
}

const fn code(name: &'static str, status: StatusCode, title: &'static str) -> Code {
    Code { name, status, title }
}

const fn kind(kind: ErrorKind, status: StatusCode, title: &'static str) -> Code {
    Code { name: kind.code(), status, title }
}

/// The body is not JSON.
pub(crate) const MALFORMED_JSON: Code = code("malformed_json", StatusCode::BAD_REQUEST, "Malformed JSON");
/// A header, the path or the framing of the request makes no sense.
pub(crate) const MALFORMED_REQUEST: Code = code("malformed_request", StatusCode::BAD_REQUEST, "Malformed request");
/// The body has a field that does not exist.
pub(crate) const UNKNOWN_FIELD: Code = code("unknown_field", StatusCode::UNPROCESSABLE_ENTITY, "Unknown field");
/// The body is larger than it may be.
pub(crate) const BODY_TOO_LARGE: Code = code("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "Body too large");
/// There is no such route.
pub(crate) const ROUTE_NOT_FOUND: Code = code("route_not_found", StatusCode::NOT_FOUND, "No such route");
/// The route exists, but not with this method.
pub(crate) const METHOD_NOT_ALLOWED: Code =
    code("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
/// A mistake of ours.
pub(crate) const INTERNAL: Code = kind(ErrorKind::Internal, StatusCode::INTERNAL_SERVER_ERROR, "Internal error");

/// Every code that a problem document can have. Bad input never gives 5xx.
pub const CODES: [Code; 38] = [
    MALFORMED_JSON,
    MALFORMED_REQUEST,
    UNKNOWN_FIELD,
    BODY_TOO_LARGE,
    ROUTE_NOT_FOUND,
    METHOD_NOT_ALLOWED,
    kind(ErrorKind::Invalid, StatusCode::UNPROCESSABLE_ENTITY, "Invalid value"),
    kind(ErrorKind::NotFound, StatusCode::NOT_FOUND, "Not found"),
    kind(ErrorKind::NameTaken, StatusCode::CONFLICT, "Name taken"),
    kind(ErrorKind::Conflict, StatusCode::CONFLICT, "Conflict"),
    kind(ErrorKind::ServerInUse, StatusCode::CONFLICT, "Server in use"),
    kind(ErrorKind::RevisionMismatch, StatusCode::PRECONDITION_FAILED, "Changed meanwhile"),
    kind(ErrorKind::IdempotencyMismatch, StatusCode::UNPROCESSABLE_ENTITY, "Idempotency key used before"),
    kind(ErrorKind::ProjectBusy, StatusCode::CONFLICT, "Project busy"),
    kind(ErrorKind::Unauthenticated, StatusCode::UNAUTHORIZED, "Not authenticated"),
    kind(ErrorKind::Forbidden, StatusCode::FORBIDDEN, "Forbidden"),
    kind(ErrorKind::NoHealthyServers, StatusCode::SERVICE_UNAVAILABLE, "No healthy servers"),
    kind(ErrorKind::InsufficientCapacity, StatusCode::INSUFFICIENT_STORAGE, "Insufficient capacity"),
    kind(ErrorKind::ImageNotFound, StatusCode::UNPROCESSABLE_ENTITY, "Image not found"),
    kind(ErrorKind::RegistryRefused, StatusCode::UNPROCESSABLE_ENTITY, "Registry refused"),
    kind(ErrorKind::RegistryUnreachable, StatusCode::BAD_GATEWAY, "Registry unreachable"),
    kind(ErrorKind::NotRunning, StatusCode::CONFLICT, "Not running"),
    kind(ErrorKind::ProgramNotFound, StatusCode::UNPROCESSABLE_ENTITY, "Program not found"),
    kind(ErrorKind::FileNotFound, StatusCode::NOT_FOUND, "File not found"),
    kind(ErrorKind::TimeLimit, StatusCode::REQUEST_TIMEOUT, "Time limit"),
    kind(ErrorKind::Unreachable, StatusCode::BAD_GATEWAY, "Server unreachable"),
    kind(ErrorKind::TlsRefused, StatusCode::BAD_GATEWAY, "TLS refused"),
    kind(ErrorKind::Timeout, StatusCode::GATEWAY_TIMEOUT, "Server too slow"),
    kind(ErrorKind::DiskFull, StatusCode::INSUFFICIENT_STORAGE, "Disk full"),
    kind(ErrorKind::ForeignObject, StatusCode::CONFLICT, "Foreign object"),
    kind(ErrorKind::NetworkTaken, StatusCode::INSUFFICIENT_STORAGE, "Network taken"),
    kind(ErrorKind::WorkerImageMissing, StatusCode::NOT_IMPLEMENTED, "Worker image missing"),
    kind(ErrorKind::Unsupported, StatusCode::NOT_IMPLEMENTED, "Unsupported"),
    kind(ErrorKind::StoreUnavailable, StatusCode::SERVICE_UNAVAILABLE, "Store unavailable"),
    kind(ErrorKind::StoreInUse, StatusCode::SERVICE_UNAVAILABLE, "Store in use"),
    kind(ErrorKind::Fenced, StatusCode::SERVICE_UNAVAILABLE, "Another master acts"),
    kind(ErrorKind::Cancelled, StatusCode::SERVICE_UNAVAILABLE, "Cancelled"),
    INTERNAL,
];

impl Code {
    /// The code of a kind of error.
    pub fn of(kind: ErrorKind) -> Self {
        CODES.into_iter().find(|code| code.name == kind.code()).unwrap_or(INTERNAL)
    }
}
