//! Our labels as the Engine's API writes them.

use std::collections::HashMap;
use std::fmt::Write as _;

use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::id::FleetId;
use workspace_core::port::{Created, ObjectKind, ObjectLabels};

pub(crate) fn to_engine(labels: &ObjectLabels) -> HashMap<String, String> {
    labels.to_map().into_iter().collect()
}

pub(crate) fn from_engine(labels: &HashMap<String, String>) -> Option<ObjectLabels> {
    ObjectLabels::from_map(|name| labels.get(name).map(String::as_str))
}

/// The filter that lists what is a fleet's.
pub(crate) fn of_fleet(fleet: FleetId) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![format!("{}={fleet}", ObjectLabels::FLEET)])])
}

/// Takes what is there for what was asked for, if it is that.
pub(crate) fn adopt(what: &str, found: Option<&ObjectLabels>, wanted: &ObjectLabels) -> Result<Created> {
    match found {
        Some(found) if same(found, wanted) => Ok(Created::Adopted),
        found => Err(foreign(what, found)),
    }
}

/// What carries the worker is the same for every fleet on the server: its hash says all.
fn same(found: &ObjectLabels, wanted: &ObjectLabels) -> bool {
    let worker = found.kind == ObjectKind::Worker && wanted.kind == ObjectKind::Worker;
    found == wanted || (worker && found.spec_hash == wanted.spec_hash)
}

/// Checks that an object may be removed in the name of a fleet.
pub(crate) fn ours(what: &str, found: Option<&ObjectLabels>, fleet: FleetId) -> Result<()> {
    match found {
        Some(labels) if labels.fleet == fleet => Ok(()),
        found => Err(foreign(what, found)),
    }
}

fn foreign(what: &str, found: Option<&ObjectLabels>) -> Error {
    let mut message = format!("{what} exists and is not the one that was meant");
    match found {
        Some(labels) => {
            let _ = write!(
                message,
                ": it is of {} {} generation {} of fleet {}",
                labels.kind.name(),
                labels.subject,
                labels.generation,
                labels.fleet
            );
        }
        None => message.push_str(": it has no labels of a fleet that we can read"),
    }
    Error::new(ErrorKind::ForeignObject, message)
        .hint("look at it on the server; remove or rename it if it is not needed")
}
