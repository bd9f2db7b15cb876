//! Servers that are Docker Engines.
//!
//! Nothing but the Engine is needed on a server. [`DockerPool`] is the `ServerPool` of the core; each of its servers
//! is a [`DockerServer`] with [`DockerVolumes`]. What runs there keeps to the security profile of
//! [`Profile`](workspace_core::port::Profile): no request can weaken it.
//!
//! Every call has a deadline of its own ([`Call`] lists them all), and nothing is retried here. A caller that wants
//! to know what the Engines are asked gives a [`CallObserver`].

mod call;
mod certificate;
mod channel;
mod container;
mod endpoint;
mod engine;
mod failure;
mod images;
mod labels;
mod names;
mod networks;
mod peer;
mod pool;
mod probe;
mod server;
mod subnet;
mod tls;
mod transport;
mod volumes;
mod worker;

pub use call::{Call, CallEnd, CallObserver, CallRecord};
pub use pool::{DockerPool, DockerPoolBuilder};
pub use server::DockerServer;
pub use volumes::DockerVolumes;
pub use worker::WorkerImage;
