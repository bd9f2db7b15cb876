//! Programs and everything that they start.

mod exec;
mod host;
mod program;
mod table;
mod tree;

pub(crate) use exec::{Limits, Output, carry};
pub use host::ProcessHost;
pub(crate) use host::Running;
pub(crate) use program::{Inherited, Program};
pub(crate) use table::Entry;
pub(crate) use tree::{Tree, mark, signal};
