//! `StateStore` for the public types around [`Store`](crate::store::Store).

/// Implements the port by the store in the field `store`.
macro_rules! forward_state_store {
    ($type:ty) => {
        const _: () = {
            use std::time::Duration;

            use uuid::Uuid;
            use workspace_core::error::Result;
            use workspace_core::event::Event;
            use workspace_core::id::{
                FleetId, JobId, MasterId, OwnerId, ProjectId, ServerId, SessionId, SnapshotId, TokenId, WorkspaceId,
            };
            use workspace_core::model::{
                AuditEntry, Fence, IdempotencyRecord, Job, Lease, Project, Reservation, ServerState, Session, Snapshot,
                Token, UsageInterval, Workspace,
            };
            use workspace_core::port::{
                AuditFilter, Change, DataFilter, JobFilter, Outcome, Page, PageRequest, Refused, UsageFilter,
                WorkspaceFilter,
            };

            #[async_trait::async_trait]
            impl workspace_core::port::StateStore for $type {
                async fn fleet_id(&self) -> Result<FleetId> {
                    Ok(self.store.fleet_id())
                }

                async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<Outcome, Refused>>> {
                    self.store.commit(changes).await
                }

                async fn acquire_lease(&self, master: &MasterId, ttl: Duration) -> Result<Lease> {
                    self.store.acquire_lease(master, ttl).await
                }

                async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<Option<Lease>> {
                    self.store.renew_lease(fence, ttl).await
                }

                async fn release_lease(&self, fence: &Fence) -> Result<()> {
                    self.store.release_lease(fence).await
                }

                async fn server(&self, id: ServerId) -> Result<Option<ServerState>> {
                    self.store.server(id).await
                }

                async fn servers(&self) -> Result<Vec<ServerState>> {
                    self.store.servers().await
                }

                async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>> {
                    self.store.workspace(id).await
                }

                async fn workspaces(&self, filter: &WorkspaceFilter, page: PageRequest) -> Result<Page<Workspace>> {
                    self.store.workspaces(filter, page).await
                }

                async fn unsettled_workspaces(&self, fence: &Fence) -> Result<Vec<WorkspaceId>> {
                    self.store.unsettled_workspaces(fence).await
                }

                async fn project(&self, id: ProjectId) -> Result<Option<Project>> {
                    self.store.project(id).await
                }

                async fn projects(&self, owner: Option<&OwnerId>, page: PageRequest) -> Result<Page<Project>> {
                    self.store.projects(owner, page).await
                }

                async fn job(&self, id: JobId) -> Result<Option<Job>> {
                    self.store.job(id).await
                }

                async fn jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>> {
                    self.store.jobs(filter, page).await
                }

                async fn unfinished_jobs(&self, fence: &Fence) -> Result<Vec<JobId>> {
                    self.store.unfinished_jobs(fence).await
                }

                async fn session(&self, id: SessionId) -> Result<Option<Session>> {
                    self.store.session(id).await
                }

                async fn sessions(&self, filter: &DataFilter, page: PageRequest) -> Result<Page<Session>> {
                    self.store.sessions(filter, page).await
                }

                async fn snapshot(&self, id: SnapshotId) -> Result<Option<Snapshot>> {
                    self.store.snapshot(id).await
                }

                async fn snapshots(&self, filter: &DataFilter, page: PageRequest) -> Result<Page<Snapshot>> {
                    self.store.snapshots(filter, page).await
                }

                async fn reservations(&self, server: ServerId, released: bool) -> Result<Vec<Reservation>> {
                    self.store.reservations(server, released).await
                }

                async fn events(&self, parent: Uuid, after: u64, limit: u32) -> Result<Vec<Event>> {
                    self.store.events(parent, after, limit).await
                }

                async fn usage(
                    &self,
                    filter: &UsageFilter,
                    after: Option<(WorkspaceId, u64)>,
                    limit: u32,
                ) -> Result<Vec<UsageInterval>> {
                    self.store.usage(filter, after, limit).await
                }

                async fn audit(&self, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEntry>> {
                    self.store.audit(filter, page).await
                }

                async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>> {
                    self.store.token_by_hash(hash).await
                }

                async fn token(&self, id: TokenId) -> Result<Option<Token>> {
                    self.store.token(id).await
                }

                async fn remembered(&self, owner: &OwnerId, key: &str) -> Result<Option<IdempotencyRecord>> {
                    self.store.remembered(owner, key).await
                }
            }
        };
    };
}
pub(crate) use forward_state_store;
