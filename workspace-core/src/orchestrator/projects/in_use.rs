//! Beginning to use a project's data.

use crate::error::{Error, ErrorKind};
use crate::model::Project;
use crate::port::Write;

/// Counts the project's revision up. Whoever begins to use a copy writes this beside, and whoever replaces the copy
/// writes the project too: so of the two only one comes through with what it read.
pub(in crate::orchestrator) fn in_use(project: &Project) -> Write {
    Write::UpdateProject { expected: project.revision, project: project.clone() }
}

/// The error for what was decided about data that is not the project's any more.
pub(in crate::orchestrator) fn data_changed() -> Error {
    Error::new(ErrorKind::ProjectBusy, "the project got other data at this moment").hint("look at it, and try again")
}
