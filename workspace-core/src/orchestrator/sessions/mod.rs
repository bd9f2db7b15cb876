//! Operations on sessions: conversations with agents about a project.

mod cancel;
mod execute;
mod name;
mod read;

pub use execute::{AgentRequest, Execution, NewExecution};
pub use name::PlainNamer;
pub use read::SessionView;
