//! For those who write backends: conformance suites, mocks and the simulator.

pub mod conformance;
pub mod sim;
