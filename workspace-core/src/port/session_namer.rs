//! Naming sessions.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;

/// Says in a few words what a session is about.
///
/// # Contract
/// The answer is a wish: only its first line counts, at most 72 characters of it. One that fails or takes longer than
/// five seconds is done without: then the title is what the plain rules make of the prompt. The branch is always made
/// from the title by rules, so that it is one that git takes.
///
/// # Implementing
/// The prompt is the tenant's and may hold what is nobody else's business: do not log it.
#[async_trait]
pub trait SessionNamer: Debug + Send + Sync + 'static {
    /// A title for a session that begins with this prompt.
    async fn title(&self, prompt: &str) -> Result<String>;
}
