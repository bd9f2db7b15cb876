//! Driving jobs, in virtual time, with a runner that does what the test says.

mod clones;
mod lost;
mod moving;
mod on_stop;
mod put_away;
mod replaced;
mod rig;
mod script;
mod switching;
