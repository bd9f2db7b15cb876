//! Running intervals.

use super::change::Transaction;
use super::tables::Tables;
use crate::clock::Timestamp;
use crate::id::WorkspaceId;
use crate::model::{Running, UsageInterval};
use crate::port::UsageFilter;

impl Transaction<'_> {
    /// Ends and begins intervals after a write of a workspace's row, of which `before` ran until then.
    pub(super) fn follow_usage(&mut self, id: WorkspaceId, before: Option<Running>, at: Timestamp) {
        let tables = &mut *self.tables;
        let Some(row) = tables.workspaces.get(&id) else { return };
        let after = Running::of(row);
        if after == before {
            return;
        }
        let intervals = tables.usage.entry(id).or_default();
        if let Some(open) = intervals.last_mut().filter(|last| last.ended.is_none()) {
            open.end(row, at);
        }
        if let Some(running) = after {
            intervals.push(UsageInterval::next(intervals.last(), row, running, at));
        }
        self.on_undo(move |tables| {
            let intervals = tables.usage.entry(id).or_default();
            if after.is_some() {
                intervals.pop();
            }
            if let Some(last) = intervals.last_mut().filter(|_| before.is_some()) {
                last.ended = None;
            }
        });
    }
}

impl Tables {
    /// The intervals after one, in order.
    pub(super) fn usage_after<'a>(
        &'a self,
        filter: &'a UsageFilter,
        after: Option<(WorkspaceId, u64)>,
    ) -> impl Iterator<Item = &'a UsageInterval> {
        self.usage.values().flatten().filter(move |one| {
            after.is_none_or(|after| (one.workspace, one.seq) > after)
                && filter.owner.as_ref().is_none_or(|owner| &one.owner == owner)
                && filter.workspace.is_none_or(|workspace| one.workspace == workspace)
                && filter.from.is_none_or(|from| one.ended.is_none_or(|(ended, _)| ended > from))
                && filter.to.is_none_or(|to| one.began < to)
        })
    }
}
