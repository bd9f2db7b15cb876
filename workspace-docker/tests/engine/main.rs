//! This backend on real Docker Engines: the servers of the local fleet.

mod common;
mod containers;
