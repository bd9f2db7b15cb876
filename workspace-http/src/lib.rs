//! The HTTP API of a fleet as an axum router: REST, server-sent events and an OpenAPI document.
//!
//! [`router`] makes it from an [`Orchestrator`](workspace_core::orchestrator::Orchestrator) and an [`HttpConfig`];
//! nest it under any prefix. Who a request comes from is decided by an [`Authorizer`]; without one of your own,
//! tokens of the store and one configured admin token are accepted.
//!
//! The wire types live here, so that core knows nothing of the API's shape. Every error is a problem document
//! (RFC 9457) with a stable `code`; `docs/errors.md` lists them all.

mod auth;
mod config;
mod docs_page;
mod extract;
mod metrics;
mod openapi;
mod outer;
mod problem;
mod router;
mod routes;
mod settle;
mod sse;
mod state;
mod utf8;
mod wire;

pub use auth::{Authorizer, TokenAuthorizer};
pub use config::HttpConfig;
pub use openapi::openapi;
pub use problem::{CODES, Code, Problem};
pub use router::router;
pub use wire::servers_from_json;
