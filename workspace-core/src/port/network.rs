//! Networks of workspaces.

use crate::port::ObjectLabels;

/// A network to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its name, unique on the server.
    pub name: String,
    /// The number of its /28 in the server's range.
    pub slot: u32,
    /// Whose it is.
    pub labels: ObjectLabels,
}

/// A network of ours on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSummary {
    /// Its name.
    pub name: String,
    /// Whose it is; `None` when the labels are of an unknown version.
    pub labels: Option<ObjectLabels>,
}
