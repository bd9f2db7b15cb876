//! What can be seen of a world.

use workspace_core::event::NewEvent;
use workspace_core::id::{MasterId, OwnerId, ProjectId, ServerId, TokenId, WorkspaceId};
use workspace_core::model::Fence;
use workspace_core::port::{AuditFilter, Change, PageRequest, StateStore, UsageFilter, WorkspaceFilter, Write};

use super::{Deed, World};

impl World {
    /// Does it, and writes the answer down without what differs between stores: moments of their clocks.
    pub(crate) async fn carry_out(&self, deed: &Deed, store: &dyn StateStore) -> String {
        match deed {
            Deed::Acquire(master, ttl) => {
                let lease = store.acquire_lease(master, *ttl).await.unwrap();
                let at = workspace_core::clock::Timestamp::default();
                let parent = self.lives(master);
                let began = NewEvent { parent, at, kind: "life".to_owned(), data: 1.into() };
                store.commit(&[Change::default().with(Write::Append(began))]).await.unwrap();
                format!("{:?}", lease.fence)
            }
            Deed::Renew(fence, ttl) => {
                format!("{:?}", store.renew_lease(fence, *ttl).await.unwrap().map(|lease| lease.fence))
            }
            Deed::Release(fence) => format!("{:?}", store.release_lease(fence).await.unwrap()),
            Deed::Commit(changes) => format!("{:#?}", store.commit(changes).await.unwrap()),
        }
    }

    /// Everything that the store says of this world, line by line.
    pub(crate) async fn state(&self, store: &dyn StateStore) -> Vec<String> {
        let mut lines = Vec::new();
        for id in self.servers.map(ServerId::from_uuid) {
            // Secrets are compared by their text: their Debug shows nothing.
            let state = store.server(id).await.unwrap();
            let tls = state.as_ref().and_then(|state| state.record.spec.tls.clone());
            lines.push(format!("{state:?} {:?}", tls.map(|tls| tls.key.reveal().to_owned())));
            lines.push(format!("{:?}", store.reservations(id, true).await.unwrap()));
            let filter = WorkspaceFilter { server: Some(id), ..WorkspaceFilter::default() };
            lines.push(format!("{:?}", store.workspaces(&filter, PageRequest::default()).await.unwrap()));
        }
        for id in self.projects.map(ProjectId::from_uuid) {
            let project = store.project(id).await.unwrap();
            lines.push(format!("{project:?} {}", serde_json::to_string(&project).unwrap()));
        }
        for id in self.workspaces.map(WorkspaceId::from_uuid) {
            lines.push(format!("{:?}", store.workspace(id).await.unwrap()));
            let filter = UsageFilter { workspace: Some(id), ..UsageFilter::default() };
            lines.push(format!("{:?}", store.usage(&filter, None, 1_000).await.unwrap()));
        }
        for id in self.tokens.map(TokenId::from_uuid) {
            lines.push(format!("{:?}", store.token(id).await.unwrap()));
        }
        for parent in self.holders {
            lines.push(format!("{:?}", store.events(parent, 0, 1_000).await.unwrap()));
        }
        for number in 0..2 {
            let owner = OwnerId::new(self.named("o", number));
            lines.push(format!("{:?}", store.projects(Some(&owner), PageRequest::default()).await.unwrap()));
            let filter = WorkspaceFilter { owner: Some(owner.clone()), ..WorkspaceFilter::default() };
            lines.push(format!("{:?}", store.workspaces(&filter, PageRequest::default()).await.unwrap()));
            let filter = AuditFilter { owner: Some(owner.clone()), ..AuditFilter::default() };
            lines.push(format!("{:?}", store.audit(&filter, PageRequest::default()).await.unwrap()));
            for key in ["key0", "key1"] {
                lines.push(format!("{:?}", store.remembered(&owner, key).await.unwrap()));
            }
            let fence = Fence { master: MasterId::new(self.named("m", number)), epoch: 1 };
            let shown = store.unsettled_workspaces(&fence).await.unwrap();
            let ours = shown.into_iter().filter(|id| self.workspaces.contains(&id.as_uuid()));
            lines.push(format!("{:?}", ours.collect::<Vec<_>>()));
        }
        lines
    }
}
