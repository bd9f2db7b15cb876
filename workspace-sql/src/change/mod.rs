//! The writes: each checks its guard inside the transaction.

mod books;
mod data;
mod jobs;
mod networks;
mod projects;
mod reservations;
mod servers;
mod workspaces;
