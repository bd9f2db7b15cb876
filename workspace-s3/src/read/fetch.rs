//! Gets the bytes of a plan from storage, a few requests at a time.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;
use workspace_core::error::Result;

use crate::objects::Objects;
use crate::read::catalog::{Catalog, lost_files};
use crate::read::fill::Fetched;
use crate::read::listing::Listing;
use crate::read::plan::{Plan, paths_of};

/// Answers on their way at once; each is about 2 MiB.
const PARALLEL: usize = 4;

/// Sends every answer to the threads; ends early without an error when they do not take it.
pub(super) async fn fetch(
    objects: &Objects,
    catalog: &Catalog,
    plan: &Plan,
    listing: &Listing,
    fetched: mpsc::Sender<Fetched>,
) -> Result<()> {
    let answers = stream::iter(0..plan.fetches.len()).map(|number| get(objects, catalog, plan, listing, number));
    let mut answers = answers.buffered(PARALLEL);
    while let Some(answer) = answers.try_next().await? {
        if fetched.send(answer).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn get(objects: &Objects, catalog: &Catalog, plan: &Plan, listing: &Listing, number: usize) -> Result<Fetched> {
    let Some(fetch) = plan.fetches.get(number) else { return Ok((number, Bytes::new())) };
    let Some(pack) = catalog.snapshot.packs.get(fetch.pack) else { return Ok((number, Bytes::new())) };
    match objects.get_range(&objects.pack(&pack.hash), fetch.start..fetch.end).await? {
        Some(bytes) => Ok((number, bytes)),
        None => {
            Err(lost_files(&paths_of(plan, listing, &fetch.segments), &format!("pack {}: it is missing", pack.hash)))
        }
    }
}
