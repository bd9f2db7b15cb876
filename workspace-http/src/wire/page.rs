//! Parts of lists.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::port;

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on it.
    pub(crate) items: Vec<T>,
    /// Send it as `cursor` for the next part; null at the end.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A part with items as they go over the wire.
    pub(crate) fn new(items: Vec<T>, next: Option<Uuid>) -> Self {
        Self { items, next_cursor: next.map(|id| id.to_string()) }
    }

    /// A list that is given as a whole.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

impl<T, U: Into<T>> From<port::Page<U>> for Page<T> {
    fn from(page: port::Page<U>) -> Self {
        Self::new(page.items.into_iter().map(Into::into).collect(), page.next)
    }
}
