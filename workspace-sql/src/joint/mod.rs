//! Changes of the common kinds, written together: a few statements for many changes, where one by one each would take
//! several round trips.
//!
//! Under the locks of all changes. Claims are decided in memory on the locked rows
//! of their servers and written guarded; everything else is inserted. What does not come out as expected (a name that
//! is taken, a key that is known) is a fault of all: nothing was committed, and the changes go apart.

mod books;
mod events;
mod networks;
mod rows;
mod run;
mod suited;

pub(crate) use suited::is_suited;
