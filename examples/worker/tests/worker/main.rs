//! The worker as a program of its own: on pipes, as in a container.
#![cfg(test)]

mod channel;
mod commands;
mod ends;
mod git;
mod job;
mod snapshot;
mod speed;
