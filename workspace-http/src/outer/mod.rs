//! What happens around every request: id, span, metrics, problems for what axum answers itself, and the rest of a body
//! that nobody read.

mod lent_body;
mod observe;
mod request_id;

pub(crate) use observe::observe;
