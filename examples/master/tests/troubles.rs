//! What goes wrong with data and agents, through the HTTP API of a master on real Docker servers, a real git server and
//! a real S3 server: each error has its code, its status and what to do next, and nothing is lost.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what is not there fails the test")]

#[path = "troubles/agents.rs"]
mod agents;
#[path = "troubles/cable.rs"]
mod cable;
#[path = "troubles/canary.rs"]
mod canary;
#[path = "troubles/disk.rs"]
mod disk;
#[path = "troubles/git.rs"]
mod git;
#[path = "troubles/health.rs"]
mod health;
#[path = "troubles/moves.rs"]
mod moves;
mod parts;
#[path = "troubles/projects.rs"]
mod projects;
#[path = "troubles/rig.rs"]
mod rig;
#[expect(dead_code, reason = "other tests end a master in order")]
mod running;
#[path = "troubles/storage.rs"]
mod storage;
#[path = "troubles/streams.rs"]
mod streams;
