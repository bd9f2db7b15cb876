//! This backend on real Docker Engines: the servers of the local fleet.

mod channels;
mod channels_worker;
mod common;
mod conformance;
mod connections;
mod containers;
mod daemon;
mod faults;
mod images;
mod networks;
mod own_fleet;
mod proxy;
mod volumes;
mod worker;
