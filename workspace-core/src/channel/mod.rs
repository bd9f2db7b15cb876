//! The protocol of the channel: many requests over one pair of byte streams.
//!
//! Two peers exchange [`Frame`]s. The client opens a request with a number of its own choice; every later frame of
//! that request, in both directions, carries the number.
//!
//! | [`FrameKind`] | from | payload |
//! |---|---|---|
//! | `Hello` | worker, once, first | [`Hello`] as JSON |
//! | `Request` | client | [`Request`] as JSON |
//! | `Data` | both | bytes of a file, of stdin or of stdout |
//! | `Stderr` | worker | bytes of stderr |
//! | `Answer` | worker | JSON: the program was started, or the [`FileEntry`](crate::port::FileEntry) to be read |
//! | `End` | both | client: empty, no more input; worker: JSON, the last frame of the request |
//! | `Failed` | worker | [`WireError`] as JSON, the last frame of the request |
//! | `Cancel` | client | empty: end what the request started |
//! | `Window` | both | four bytes: the receiver has room for this many more |
//! | `Ping`, `Pong` | client, worker | empty |
//!
//! **Back-pressure.** For each request and direction the sender of `Data` and `Stderr` may have [`WINDOW`] unread
//! (counted by [`Frame::cost`]); it waits for `Window` frames beyond. So a slow reader holds up its own request only,
//! and what each side keeps in memory is bounded.

mod client;
mod connection;
mod frame;
mod message;
mod transport;
mod window;

pub use client::ChannelClient;
pub use frame::{CHUNK, Frame, FrameError, FrameKind, MAX_PAYLOAD};
pub use message::{CheckEnded, ExecAsked, ExecEnded, Hello, Request, WireError};
pub use transport::{FrameQueue, FrameReader, write_frames};
pub use window::{Credit, Received, WINDOW};
