//! Reading workspaces, and requests that may be repeated.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{OwnerId, ServerId, WorkspaceId};
use crate::model::{IdempotencyRecord, Project, Scope, Snapshot, Workspace};
use crate::orchestrator::{Caller, Core, Orchestrator, Template};
use crate::port::{ContainerState, Page, PageRequest, WorkspaceFilter};

/// A key that a client sends to have a request carried out once, however often it is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key, 1 to 255 characters.
    pub key: String,
    /// SHA-256 of what makes the request what it is.
    pub request_hash: [u8; 32],
}

impl Idempotency {
    pub(super) fn record(self, owner: OwnerId, resource: Uuid, at: Timestamp) -> IdempotencyRecord {
        IdempotencyRecord { owner, key: self.key, request_hash: self.request_hash, resource, at }
    }

    /// What the known request made, if it was the same request.
    pub(super) fn same(known: &IdempotencyRecord, asked: Option<&IdempotencyRecord>) -> Result<Uuid> {
        if asked.is_some_and(|asked| asked.request_hash == known.request_hash) {
            return Ok(known.resource);
        }
        Err(Error::new(ErrorKind::IdempotencyMismatch, "the idempotency key came with another request before")
            .hint("use a new key for a new request"))
    }
}

/// What is wanted of a workspace, what was last seen, and what its server says now.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceStatus {
    /// The row.
    pub workspace: Workspace,
    /// What the server says of its container; `None` when there is none or the server does not answer.
    pub container: Option<ContainerState>,
    /// Why the server's word is missing.
    pub container_error: Option<String>,
    /// Its project.
    pub project: Option<Project>,
    /// The snapshot that its last stop took.
    pub stop_snapshot: Option<Snapshot>,
}

impl Core {
    /// Every workspace that fits, as it is while the list is read.
    pub(super) async fn every_workspace(&self, filter: &WorkspaceFilter) -> Result<Vec<Workspace>> {
        let (mut page, mut all) = (PageRequest { after: None, limit: 1_000 }, Vec::new());
        loop {
            let rows = self.store.workspaces(filter, page).await?;
            all.extend(rows.items);
            match rows.next {
                Some(next) => page.after = Some(next),
                None => return Ok(all),
            }
        }
    }

    pub(super) async fn remembered(&self, asked: Option<&IdempotencyRecord>) -> Result<Option<Uuid>> {
        let Some(asked) = asked else { return Ok(None) };
        if asked.key.is_empty() || asked.key.len() > 255 {
            return Err(Error::invalid("Idempotency-Key", "the key must have 1 to 255 characters"));
        }
        let known = self.store.remembered(&asked.owner, &asked.key).await?;
        known.map(|known| Idempotency::same(&known, Some(asked))).transpose()
    }
}

impl Orchestrator {
    /// One workspace of the caller's.
    pub async fn workspace(&self, caller: &Caller, id: WorkspaceId) -> Result<Workspace> {
        self.core.workspace_of(caller, Scope::WorkspacesRead, id).await
    }

    /// The caller's workspaces in the order of their making; an administrator sees those of everyone.
    pub async fn workspaces(
        &self,
        caller: &Caller,
        mut filter: WorkspaceFilter,
        page: PageRequest,
    ) -> Result<Page<Workspace>> {
        caller.require(Scope::WorkspacesRead)?;
        if !caller.is_admin() {
            filter.owner = Some(caller.owner_id().clone());
        }
        self.core.store.workspaces(&filter, page).await
    }

    /// The workspaces on a server.
    pub async fn workspaces_on(&self, caller: &Caller, server: ServerId, page: PageRequest) -> Result<Page<Workspace>> {
        caller.require(Scope::Admin)?;
        self.core.server_of(server).await?;
        self.core.store.workspaces(&WorkspaceFilter { server: Some(server), ..WorkspaceFilter::default() }, page).await
    }

    /// What is wanted, what was seen, and what the server says now.
    pub async fn workspace_status(&self, caller: &Caller, id: WorkspaceId) -> Result<WorkspaceStatus> {
        let workspace = self.workspace(caller, id).await?;
        let project = self.core.store.project(workspace.desired.project).await?;
        let saved = project.as_ref().and_then(|project| project.saved).filter(|saved| saved.workspace == id);
        let stop_snapshot = match saved {
            Some(saved) => self.core.store.snapshot(saved.snapshot).await?,
            None => None,
        };
        let server = workspace.desired.server.and_then(|server| self.core.pool.get(server));
        let name = workspace.container_name(workspace.observed.generation.max(1));
        let (container, container_error) = match server {
            None => (None, None),
            Some(server) => match self.core.own_container(&workspace, &server, &name).await {
                Ok(container) => (container, None),
                Err(error) => (None, Some(error.chain())),
            },
        };
        Ok(WorkspaceStatus { workspace, container, container_error, project, stop_snapshot })
    }

    /// The kinds of workspace that requests can ask for.
    pub fn templates(&self) -> impl Iterator<Item = (&str, &Template)> {
        self.core.config.templates.iter().map(|(name, template)| (name.as_str(), template))
    }
}
