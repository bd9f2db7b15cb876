//! The fleet in memory, arranged for the search.

mod ask;
mod block;
mod books;
mod class;
mod deal;
mod index;
mod labels;
mod query;
mod rows;
mod scan;
mod search;
mod summary;
mod table;
mod turn;
mod view;

pub use ask::Ask;
pub use books::{Ledger, ServerKey, Shortage};
pub use search::{Found, Tolerance};
pub use view::ServerView;

#[cfg(test)]
mod tests;
