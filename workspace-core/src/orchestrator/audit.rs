//! The audit log: who asked for what, recorded with what they asked for.

use uuid::Uuid;

use crate::error::Result;
use crate::id::AuditId;
use crate::model::{AuditEntry, Scope};
use crate::orchestrator::{Caller, Core, Orchestrator, validate};
use crate::port::{AuditFilter, Change, Page, PageRequest, Write};

/// Who asks for what, such as `workspace.stop`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) caller: &'a Caller,
    action: &'static str,
}

impl Caller {
    pub(super) const fn asks(&self, action: &'static str) -> Asked<'_> {
        Asked { caller: self, action }
    }
}

impl Core {
    /// The entry of something that is asked for now; `name` is what its subject is called.
    pub(super) fn audit_entry(&self, asked: Asked<'_>, subject: Uuid, name: Option<&str>) -> Write {
        Write::Audit(AuditEntry {
            id: AuditId::from_uuid(self.env.uuid()),
            at: self.env.now(),
            owner: asked.caller.owner_id().clone(),
            token: asked.caller.token(),
            action: asked.action.to_owned(),
            subject,
            name: name.map(str::to_owned),
        })
    }

    /// A change of this master, begun with its entry where somebody asks for it.
    pub(super) fn asked<'a>(&self, asked: impl Into<Option<Asked<'a>>>, subject: Uuid, name: Option<&str>) -> Change {
        let entry = asked.into().map(|asked| self.audit_entry(asked, subject, name));
        Change::by(self.lease.fence()).with_all(entry)
    }
}

impl Orchestrator {
    /// Who asked for what, in the order of its time to the millisecond: all that was recorded of what callers asked
    /// for, committed together with it. What was refused is not in it, nor what changed nothing, nor programs that were
    /// run and files that were written in a workspace. Entries are kept for
    /// [`keep_audit`](crate::orchestrator::Config::keep_audit).
    ///
    /// # Errors
    /// `Forbidden` for others than administrators; `Invalid` when it ends before it begins.
    pub async fn audit(&self, caller: &Caller, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEntry>> {
        caller.require(Scope::Admin)?;
        validate::window(filter.from, filter.to)?;
        self.core.store.audit(filter, page).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorKind;
    use crate::id::OwnerId;
    use crate::orchestrator::test_fleet::fleet_of;
    use crate::orchestrator::{NewToken, NewWorkspace, WorkspacePatch};

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn what_is_granted_is_in_the_log_once_and_by_whom() {
        let (_world, fleet, [server]) = fleet_of(["one"]).await;
        let admin = Caller::admin();
        tokio::time::sleep(MINUTE).await;
        let scopes = BTreeSet::from([Scope::WorkspacesWrite, Scope::WorkspacesRead]);
        let new = NewToken { owner: OwnerId::new("anna"), scopes, expires_at: None };
        let token = fleet.issue_token(&admin, new, None).await.unwrap();
        let anna = fleet.authenticate(token.token.reveal()).await.unwrap();
        let id = fleet.create_workspace(&anna, NewWorkspace::new("hello", "base"), None).await.unwrap().id;
        fleet.wait(&anna, id, MINUTE).await.unwrap();
        // Refused, and nothing to do: neither is in it.
        fleet.create_workspace(&anna, NewWorkspace::new("hello", "base"), None).await.unwrap_err();
        fleet.cordon_server(&anna, server).await.unwrap_err();
        fleet.start_workspace(&anna, id).await.unwrap();
        fleet.patch_workspace(&anna, id, WorkspacePatch::default(), None).await.unwrap();
        fleet.stop_workspace(&anna, id).await.unwrap();
        fleet.wait(&anna, id, MINUTE).await.unwrap();
        fleet.start_workspace(&anna, id).await.unwrap();
        fleet.wait(&anna, id, MINUTE).await.unwrap();
        fleet.restart_workspace(&anna, id).await.unwrap();
        fleet.wait(&anna, id, MINUTE).await.unwrap();
        fleet.cordon_server(&admin, server).await.unwrap();
        fleet.delete_workspace(&admin, id, None).await.unwrap();
        fleet.wait(&admin, id, MINUTE).await.unwrap();

        let found = async |filter| fleet.audit(&admin, &filter, PageRequest::default()).await.unwrap().items;
        let actions = |entries: &[AuditEntry]| entries.iter().map(|entry| entry.action.clone()).collect::<Vec<_>>();
        let about = found(AuditFilter { subject: Some(id.as_uuid()), ..AuditFilter::default() }).await;
        let wanted = ["create", "stop", "start", "restart", "delete"].map(|action| format!("workspace.{action}"));
        assert_eq!(actions(&about), wanted);
        assert!(about.iter().all(|entry| entry.name.as_deref() == Some("hello")));
        assert_eq!((&about[0].owner, about[0].token), (anna.owner_id(), Some(token.id)));
        assert_eq!((&about[4].owner, about[4].token), (admin.owner_id(), None), "who asked, not whose it is");
        let admins = found(AuditFilter { owner: Some(OwnerId::admin()), ..AuditFilter::default() }).await;
        let wanted = ["server.register", "token.issue", "server.cordon", "workspace.delete"];
        assert_eq!(actions(&admins), wanted.map(str::to_owned), "{admins:?}");

        let refused = fleet.audit(&anna, &AuditFilter::default(), PageRequest::default()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        let turned = AuditFilter { from: Some(about[4].at), to: Some(about[0].at), ..AuditFilter::default() };
        let refused = fleet.audit(&admin, &turned, PageRequest::default()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        fleet.shutdown().await;
    }
}
