//! A seeded simulator: the orchestrator as it is, on servers that misbehave, in virtual time.

mod channel;
mod clock;
mod dice;
mod fault;
mod foreign;
mod gate;
mod journal;
mod law;
mod logs;
mod machine;
mod pool;
mod port_call;
mod program;
pub mod run;
mod server;
mod storage;
mod store;
mod strays;
mod tree;
mod wire;
mod worker;
mod world;

pub use clock::SimClock;
pub use dice::Dice;
pub use fault::{Fault, FaultPlan};
pub use gate::Gate;
pub use pool::SimPool;
pub use port_call::PortCall;
pub use server::SimServer;
pub use store::FaultyStore;
pub use world::World;

#[cfg(test)]
mod tests;
