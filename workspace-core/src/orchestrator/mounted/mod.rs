//! Which project a workspace mounts: always exactly one, its own.

mod assign;
mod compatible;
mod switch;
mod unassign;

pub(super) use switch::check_type;
