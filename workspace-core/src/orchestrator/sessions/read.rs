//! Reading sessions and following what goes on in them.

use crate::error::{Error, Result};
use crate::event::Event;
use crate::id::SessionId;
use crate::model::{Job, Scope, Session, Work};
use crate::orchestrator::{Caller, Core, EventStream, Orchestrator};
use crate::port::{DataFilter, JobFilter, Page, PageRequest};

/// A session and the runs of its agents.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionView {
    /// The row.
    pub session: Session,
    /// The runs of agents, the newest last.
    pub executions: Vec<Job>,
    /// Whether something goes on in it.
    pub busy: bool,
}

impl Orchestrator {
    /// One session of the caller's.
    pub async fn session(&self, caller: &Caller, id: SessionId) -> Result<SessionView> {
        caller.require(Scope::WorkspacesRead)?;
        let session = self.core.session_of(caller, id).await?;
        let filter = JobFilter { session: Some(id), ..JobFilter::default() };
        let jobs = self.core.store.jobs(&filter, PageRequest { after: None, limit: 1_000 }).await?.items;
        let busy = jobs.iter().any(|job| !job.status.is_finished());
        let executions = jobs.into_iter().filter(|job| matches!(job.work, Work::Agent(_))).collect();
        Ok(SessionView { session, executions, busy })
    }

    /// The caller's sessions in the order of their making.
    pub async fn sessions(&self, caller: &Caller, mut filter: DataFilter, page: PageRequest) -> Result<Page<Session>> {
        caller.require(Scope::WorkspacesRead)?;
        if !caller.is_admin() {
            filter.owner = Some(caller.owner_id().clone());
        }
        self.core.store.sessions(&filter, page).await
    }

    /// What happened in a session after its `after`-th event, and what happens from now on.
    pub async fn session_events(&self, caller: &Caller, id: SessionId, after: u64) -> Result<EventStream> {
        caller.require(Scope::WorkspacesRead)?;
        self.core.session_of(caller, id).await?;
        Ok(self.follow(id.as_uuid(), after))
    }

    /// A page of what happened in a session after its `after`-th event.
    pub async fn session_events_page(
        &self,
        caller: &Caller,
        id: SessionId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Event>> {
        caller.require(Scope::WorkspacesRead)?;
        self.core.session_of(caller, id).await?;
        self.core.events_after(id.as_uuid(), after, limit.min(1_000)).await
    }
}

impl Core {
    /// The caller's session. A foreign one and a missing one are the same.
    pub(super) async fn session_of(&self, caller: &Caller, id: SessionId) -> Result<Session> {
        let row = self.store.session(id).await?;
        row.filter(|row| caller.may_see(&row.owner)).ok_or_else(|| Error::not_found("session"))
    }
}
