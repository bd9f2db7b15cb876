//! Who a request comes from.

mod authorizer;
mod identity;
mod token_authorizer;

pub use authorizer::Authorizer;
pub(crate) use identity::Identity;
pub use token_authorizer::TokenAuthorizer;
