#![doc = include_str!("../README.md")]

pub use workspace_core::error::{Error, ErrorKind, Result};
pub use workspace_core::memory::MemoryStore;
pub use workspace_core::model::{ServerSpec, TlsMaterial, WorkspaceSpec};
pub use workspace_core::orchestrator::{self, Caller, Config, NewWorkspace, Orchestrator, Registration};
pub use workspace_core::port::ExecRequest;
#[cfg(feature = "testing")]
pub use workspace_core::testing;
pub use workspace_core::{
    channel, clock, environment, error, event, id, job, label, model, placement, port, resources, secret,
};

#[cfg(feature = "docker")]
pub use workspace_docker as docker;
#[cfg(feature = "git")]
pub use workspace_git as git;
#[cfg(feature = "http")]
pub use workspace_http as http;
#[cfg(feature = "local")]
pub use workspace_local as local;
#[cfg(feature = "s3")]
pub use workspace_s3 as s3;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use workspace_sql as sql;

#[cfg(feature = "local")]
pub use workspace_local::LocalPool;
