//! Driving jobs, in virtual time, with a runner that does what the test says.

mod lost;
mod replaced;
mod rig;
mod script;
