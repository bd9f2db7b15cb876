//! Ending what goes on in a session, and forgetting one.

use crate::error::{Error, ErrorKind, Result};
use crate::id::SessionId;
use crate::model::Scope;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::{JobFilter, PageRequest, Refused, Write};

impl Orchestrator {
    /// Wants ended what goes on in a session; nothing going on is ended already. The session's last event says how it
    /// ended.
    pub async fn cancel_session(&self, caller: &Caller, id: SessionId) -> Result<()> {
        caller.require(Scope::SessionsWrite)?;
        let core = &self.core;
        let session = core.session_of(caller, id).await?;
        let filter = JobFilter { session: Some(id), finished: Some(false), ..JobFilter::default() };
        for job in core.store.jobs(&filter, PageRequest::default()).await?.items {
            let asked = core.asked(caller.asks("session.cancel"), id.as_uuid(), Some(&session.title));
            match core.commit(asked.with(Write::CancelJob(job.id))).await? {
                Ok(_) | Err(Refused::NotFound) => core.drive_job(job.id),
                Err(refusal) => return Err(refused("session", &refusal)),
            }
        }
        Ok(())
    }

    /// Forgets a session with its events. The project stays as it is.
    ///
    /// # Errors
    /// `Conflict` while something goes on in it.
    pub async fn delete_session(&self, caller: &Caller, id: SessionId) -> Result<()> {
        caller.require(Scope::SessionsWrite)?;
        let core = &self.core;
        let session = core.session_of(caller, id).await?;
        let asked = core.asked(caller.asks("session.delete"), id.as_uuid(), Some(&session.title));
        match core.commit(asked.with(Write::RemoveSession(id))).await? {
            Ok(_) => Ok(()),
            Err(Refused::InUse) => {
                Err(Error::new(ErrorKind::Conflict, "an agent runs in the session").hint("cancel it first"))
            }
            Err(refusal) => Err(refused("session", &refusal)),
        }
    }
}
