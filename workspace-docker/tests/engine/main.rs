//! This backend on real Docker Engines: the servers of the local fleet.

mod channels;
mod common;
mod connections;
mod containers;
mod images;
mod networks;
mod volumes;
