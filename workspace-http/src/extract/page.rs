//! Lists in parts.

use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;
use workspace_core::error::Error;
use workspace_core::port::{Page, PageRequest};

use crate::problem::Problem;

/// How much of a list is given at most.
const MOST: u32 = 1_000;

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The `next_cursor` of the part before.
    #[serde(default)]
    cursor: Option<String>,
    /// At most this many items, 1 to 1000; 100 when absent.
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

impl PageQuery {
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        match self.limit {
            None => Ok(100),
            Some(limit @ 1..=MOST) => Ok(limit),
            Some(_) => Err(Error::invalid("limit", "the limit must be between 1 and 1000").into()),
        }
    }

    /// The cursor of a list whose items are numbered.
    pub(crate) fn number(&self) -> Result<Option<u64>, Problem> {
        self.cursor.as_deref().map(|cursor| cursor.parse().map_err(|_| foreign_cursor().into())).transpose()
    }

    pub(crate) fn request(&self) -> Result<PageRequest, Problem> {
        let after = self.cursor.as_deref().map(|cursor| Uuid::try_parse(cursor).map_err(|_| foreign_cursor()));
        Ok(PageRequest { after: after.transpose()?, limit: self.limit()? })
    }
}

fn foreign_cursor() -> Error {
    Error::invalid("cursor", "the cursor is not one of ours").hint("send `next_cursor` as it came")
}

/// The part of a list that is at hand as a whole, in the order of its ids.
pub(crate) fn page_of<T>(all: Vec<T>, id: impl Fn(&T) -> Uuid, page: PageRequest) -> Page<T> {
    let after = page.after.unwrap_or_default();
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let mut items: Vec<T> = all.into_iter().filter(|item| id(item) > after).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(id) } else { None };
    Page { items, next }
}
