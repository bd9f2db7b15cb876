//! What handlers take from a request; every refusal is a problem document.

mod accept;
mod body;
mod creation;
mod id;
mod if_match;
mod last_event;
mod page;
mod parse;
mod query;

pub(crate) use accept::wants;
pub(crate) use body::{Json, read_body};
pub(crate) use creation::Creation;
pub(crate) use id::{Id, RawPath};
pub(crate) use if_match::IfMatch;
pub(crate) use last_event::LastEvent;
pub(crate) use page::{PageQuery, page_of};
pub(crate) use query::{Query, WaitQuery};
