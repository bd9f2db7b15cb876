//! The worker's side of the channel.

mod check;
mod exec;
mod files;
mod request;
mod serve;
mod stdio;

pub(crate) use serve::working_dir;
pub use serve::{ChannelSetup, serve_channel};
pub(crate) use stdio::pipe;
pub use stdio::serve_stdio;
