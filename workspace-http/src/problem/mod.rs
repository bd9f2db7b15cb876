//! Errors as they go over the wire.

mod code;
mod document;

pub(crate) use code::{
    BODY_TOO_LARGE, INTERNAL, MALFORMED_JSON, MALFORMED_REQUEST, METHOD_NOT_ALLOWED, ROUTE_NOT_FOUND, UNKNOWN_FIELD,
};
pub use code::{CODES, Code};
pub(crate) use document::Document;
pub use document::Problem;
