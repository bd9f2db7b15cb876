//! Local servers: the conformance suites, and what only they promise.
#![cfg(test)]

mod common;
mod conformance;
mod jobs;
mod restart;
mod secrets;
