//! This backend on real Docker Engines: the servers of the local fleet.

mod channels;
mod channels_worker;
mod common;
mod conformance;
mod connections;
mod containers;
mod faults;
mod hung;
mod images;
mod networks;
mod proxy;
mod volumes;
mod worker;
