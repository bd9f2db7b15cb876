//! Event streams: replay and live are the same query, "events after n".

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use serde_json::json;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::event::{Event, NewEvent};
use crate::id::{ServerId, WorkspaceId};
use crate::model::Scope;
use crate::orchestrator::{Caller, Core, Orchestrator};
use crate::signal::{Listener, Signal};

/// Events in order, for ever: it ends with an error or with the fleet's shutdown. Where some were pruned there is a
/// `gap` event with the last of their numbers, and `from` and `to`.
pub type EventStream = BoxStream<'static, Result<Event>>;

/// How many events are read at once.
const PAGE: u32 = 200;

impl Core {
    /// An event of now; it gets its number when it is committed.
    pub(in crate::orchestrator) fn event(&self, parent: Uuid, kind: &str, data: serde_json::Value) -> NewEvent {
        NewEvent { parent, at: self.env.now(), kind: kind.to_owned(), data }
    }

    /// A parent's events after the `after`-th, at most `limit`. Where some are no longer known, the first is a
    /// `gap` that says which; it has the last of their numbers.
    pub(in crate::orchestrator) async fn events_after(
        &self,
        parent: Uuid,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Event>> {
        let mut events = self.store.events(parent, after, limit).await?;
        if let Some(first) = events.first().filter(|first| first.seq > after + 1) {
            let (from, to) = (after + 1, first.seq - 1);
            let gap =
                NewEvent { parent, at: first.at, kind: "gap".to_owned(), data: json!({ "from": from, "to": to }) };
            events.truncate(limit.saturating_sub(1) as usize);
            events.insert(0, gap.numbered(to));
        }
        Ok(events)
    }
}

impl Orchestrator {
    /// What happened to a workspace after its `after`-th event, and what happens from now on.
    pub async fn workspace_events(&self, caller: &Caller, id: WorkspaceId, after: u64) -> Result<EventStream> {
        self.core.workspace_of(caller, Scope::WorkspacesRead, id).await?;
        Ok(self.follow(id.as_uuid(), after))
    }

    /// A page of what happened to a workspace after its `after`-th event.
    pub async fn workspace_events_page(
        &self,
        caller: &Caller,
        id: WorkspaceId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Event>> {
        self.core.workspace_of(caller, Scope::WorkspacesRead, id).await?;
        self.core.events_after(id.as_uuid(), after, limit.min(1_000)).await
    }

    /// What happened to a server after its `after`-th event, and what happens from now on.
    pub async fn server_events(&self, caller: &Caller, id: ServerId, after: u64) -> Result<EventStream> {
        caller.require(Scope::Admin)?;
        self.core.server_of(id).await?;
        Ok(self.follow(id.as_uuid(), after))
    }

    /// What happened to the fleet after its `after`-th event, and what happens from now on.
    pub fn fleet_events(&self, caller: &Caller, after: u64) -> Result<EventStream> {
        caller.require(Scope::Admin)?;
        Ok(self.follow(self.core.fleet.as_uuid(), after))
    }

    pub(super) fn follow(&self, parent: Uuid, after: u64) -> EventStream {
        let core = Arc::clone(&self.core);
        let stopping = self.tasks.stopping();
        let news = core.hub.subscribe(parent);
        let state = (core, news, stopping, VecDeque::new(), after);
        stream::try_unfold(state, move |(core, mut news, stopping, mut ready, mut after)| async move {
            loop {
                if let Some(event) = ready.pop_front() {
                    return Ok::<_, Error>(Some((event, (core, news, stopping, ready, after))));
                }
                // Marked as seen before the query: what comes in between wakes us again.
                news.mark_heard();
                ready.extend(core.events_after(parent, after, PAGE).await?);
                if let Some(last) = ready.back() {
                    after = Event::clone(last).seq;
                    continue;
                }
                if stopping.is_raised() {
                    return Ok(None);
                }
                core.pause(&mut news, &stopping).await;
            }
        })
        .boxed()
    }
}

impl Core {
    /// Waits for a hint, a shutdown, or the next look for what other masters wrote.
    pub(super) async fn pause(&self, news: &mut Listener, stopping: &Signal) {
        tokio::select! {
            biased;
            () = stopping.raised() => {}
            () = news.heard() => {}
            () = tokio::time::sleep(self.config.poll_interval) => {}
        }
    }
}
