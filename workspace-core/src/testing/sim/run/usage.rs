//! What must hold of running intervals.

use std::collections::BTreeMap;
use std::iter::{self, repeat};

use crate::event::Event;
use crate::id::WorkspaceId;
use crate::model::{Status, UsageInterval, Workspace};
use crate::port::{StateStore, UsageFilter};
use crate::testing::sim::World;

/// An interval is open exactly while its row says running, and is of what the row says.
pub(super) async fn open(world: &World, store: &dyn StateStore, rows: &[Workspace]) {
    let mut open = BTreeMap::new();
    for one in intervals(store, UsageFilter::default()).await.into_iter().filter(|one| one.ended.is_none()) {
        let workspace = one.workspace;
        if open.insert(workspace, one).is_some() {
            world.violation(&format_args!("I7 two intervals of {workspace} are open"));
        }
    }
    for row in rows.iter().filter(|row| row.observed.status == Status::Running) {
        let Some(one) = open.remove(&row.id) else {
            world.violation(&format_args!("I7 {} runs without an interval", row.id));
            continue;
        };
        let (was, is) = (one.running, &row.desired);
        let same = Some(was.server) == is.server && was.generation == row.observed.generation;
        if !same || was.resources != is.claimed.resources || one.owner != row.owner {
            world.violation(&format_args!("I7 {was:?} is counted for {}, which is {is:?}", row.id));
        }
    }
    for id in open.into_keys() {
        world.violation(&format_args!("I7 {id} is counted and does not run"));
    }
}

/// The intervals of one workspace, from the first to the last: numbered, one after the other, and each begun by an
/// event that says so.
pub(super) async fn past(world: &World, store: &dyn StateStore, id: WorkspaceId, events: &[Event]) {
    let of_this = UsageFilter { workspace: Some(id), ..UsageFilter::default() };
    let intervals = intervals(store, of_this).await;
    for (at, one) in intervals.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| intervals.get(before));
        let overlaps = before.is_some_and(|before| before.ended.is_none_or(|(ended, _)| ended > one.began));
        let backwards = one.ended.is_some_and(|(ended, _)| ended < one.began);
        if one.seq != at as u64 + 1 || overlaps || backwards {
            world.violation(&format_args!("I7 {one:?} stands at {at} after {before:?}"));
        }
    }
    let began: Vec<_> = intervals.iter().map(|one| (Some(one.running.generation), one.began)).collect();
    // The clock of a master may be behind that of the one that wrote the end before.
    let ends =
        iter::once(None).chain(intervals.iter().map(|one| one.ended.map(|(ended, _)| ended))).chain(repeat(None));
    let said = events.iter().filter(|event| event.kind == "workspace.running").zip(ends);
    let said: Vec<_> = said
        .map(|(event, before)| (event.data["generation"].as_u64(), before.map_or(event.at, |end| event.at.max(end))))
        .collect();
    if began != said {
        world.violation(&format_args!("I7 {id} is said to have run from {said:?}, and is counted from {began:?}"));
    }
}

async fn intervals(store: &dyn StateStore, filter: UsageFilter) -> Vec<UsageInterval> {
    store.usage(&filter, None, u32::MAX).await.unwrap_or_default()
}
