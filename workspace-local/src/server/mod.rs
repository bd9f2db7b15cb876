//! Servers that are folders of this machine.

mod folder;
mod machine;
mod pool;
mod ports;
mod probe;
mod volumes;

pub(crate) use folder::{disk_error, read_json, write_json};
pub use pool::LocalPool;
pub use ports::LocalServer;
pub use volumes::LocalVolumes;
pub(crate) use volumes::data_of;
