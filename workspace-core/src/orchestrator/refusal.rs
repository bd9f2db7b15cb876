//! What a refused change means to whoever asked for it.

use crate::error::{Error, ErrorKind};
use crate::port::Refused;

/// The error for a refusal that the operation cannot mend; `what` names the row, such as `workspace`.
pub(super) fn refused(what: &str, refusal: &Refused) -> Error {
    match refusal {
        Refused::NotFound => Error::not_found(what),
        Refused::NameTaken => {
            Error::new(ErrorKind::NameTaken, format!("a {what} of this name exists")).hint("choose another name")
        }
        Refused::ProjectTaken => Error::new(ErrorKind::Conflict, "the project belongs to another workspace")
            .hint("delete that workspace, or clone the project"),
        Refused::ProjectBusy => Error::new(ErrorKind::ProjectBusy, "another job writes into the project")
            .hint("wait until it has ended, or cancel it"),
        Refused::Stale { current } => {
            Error::new(ErrorKind::RevisionMismatch, format!("the {what} was changed; it is at revision {current} now"))
                .hint("read it again and repeat the change")
        }
        Refused::Fenced => Error::new(ErrorKind::Fenced, format!("another master drives this {what}")),
        Refused::InUse => Error::new(ErrorKind::Conflict, format!("the {what} is in use")),
        Refused::ServerClosed => Error::new(ErrorKind::InsufficientCapacity, "the server takes no new work"),
        Refused::Capacity { dimension: Some(dimension) } => {
            Error::new(ErrorKind::InsufficientCapacity, format!("the server has no room: {dimension}"))
        }
        Refused::Capacity { dimension: None } => {
            Error::new(ErrorKind::InsufficientCapacity, "the server has no network left for another workspace")
        }
        Refused::Remembered(_) => Error::new(ErrorKind::IdempotencyMismatch, "the idempotency key is in use"),
    }
}
