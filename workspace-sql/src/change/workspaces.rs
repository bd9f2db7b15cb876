//! Writes of workspaces.

use workspace_core::clock::Timestamp;
use workspace_core::id::WorkspaceId;
use workspace_core::model::{Desired, Fence, Observed, Running, Status, Workspace};
use workspace_core::port::Refused;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::rows::{WORKSPACE, intent_name, workspace};
use crate::value::{Value, json, values};

/// The table with the columns of [`workspace_columns`].
pub(crate) const WORKSPACES: &str = "@workspaces (id, owner, name, project, server, intent, status, settled, \
    revision, driver_master, driver_epoch, created_at, updated_at, desired, observed)";

const VALUES: &str = "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

const UPDATE: &str = "UPDATE @workspaces SET owner = $2, name = $3, project = $4, server = $5, intent = $6, \
    status = $7, settled = $8, revision = $9, driver_master = $10, driver_epoch = $11, created_at = $12, \
    updated_at = $13, desired = $14, observed = $15 WHERE id = $1";

impl<S: Session> Cursor<'_, S> {
    pub(crate) async fn insert_workspace(&mut self, row: &Workspace) -> Result<(), Fault> {
        let sql = format!("INSERT INTO {WORKSPACES} {VALUES} ON CONFLICT DO NOTHING RETURNING id");
        if self.row(&sql, workspace_columns(row)?).await?.is_some() {
            return self.follow_usage(None, row, row.updated_at).await;
        }
        let known = self.row("SELECT id FROM @workspaces WHERE id = $1", values![row.id.as_uuid()]).await?;
        if known.is_some() {
            return Err(Refused::NameTaken.into());
        }
        match self.taken(row).await? {
            Some(taken) => Err(taken.into()),
            // What was in the way is gone.
            None => Err(Fault::Again(None)),
        }
    }

    pub(crate) async fn decide_workspace(
        &mut self,
        id: WorkspaceId,
        expected: u64,
        desired: &Desired,
        status: Option<Status>,
        driver: Option<&Fence>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let Locked { mut row, driven } = self.lock_workspace(id).await?;
        if row.observed.status == Status::Deleted {
            return Err(Refused::NotFound.into());
        }
        if row.revision != expected {
            return Err(Refused::Stale { current: row.revision }.into());
        }
        let unique = row.desired.name == desired.name && row.desired.project == desired.project;
        let ran = Running::of(&row);
        let free_to_take = row.observed.status.is_settled() || !driven;
        row.desired = desired.clone();
        if !unique && let Some(taken) = self.taken(&row).await? {
            return Err(taken.into());
        }
        if let Some(status) = status {
            row.observed.status = status;
            row.observed.error = None;
            row.observed.waiting = None;
        }
        if let Some(driver) = driver.filter(|_| free_to_take) {
            row.driver = driver.clone();
        }
        row.revision += 1;
        row.updated_at = at;
        self.rows(UPDATE, workspace_columns(&row)?).await?;
        self.follow_usage(ran, &row, at).await
    }

    pub(crate) async fn observe_workspace(
        &mut self,
        id: WorkspaceId,
        expected: u64,
        observed: &Observed,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let Locked { mut row, .. } = self.lock_workspace(id).await?;
        if row.observed.status == Status::Deleted && observed.status != Status::Deleted {
            return Err(Refused::NotFound.into());
        }
        if self.fence != Some(&row.driver) {
            return Err(Refused::Fenced.into());
        }
        if row.revision != expected {
            return Err(Refused::Stale { current: row.revision }.into());
        }
        let ran = Running::of(&row);
        row.observed = observed.clone();
        row.updated_at = at;
        self.rows(UPDATE, workspace_columns(&row)?).await?;
        self.follow_usage(ran, &row, at).await
    }

    pub(crate) async fn adopt_workspace(&mut self, id: WorkspaceId) -> Result<(), Fault> {
        let Locked { row, driven } = self.lock_workspace(id).await?;
        let fence = self.fence.ok_or(Refused::Fenced)?;
        if row.driver.master != fence.master && driven {
            return Err(Refused::Fenced.into());
        }
        let sql = "UPDATE @workspaces SET driver_master = $2, driver_epoch = $3 WHERE id = $1";
        self.rows(sql, values![id.as_uuid(), fence.master.as_str(), fence.epoch]).await.map(|_| ())
    }

    async fn lock_workspace(&mut self, id: WorkspaceId) -> Result<Locked, Fault> {
        let sql = format!(
            "SELECT {WORKSPACE}, CASE WHEN EXISTS (SELECT 1 FROM @masters m WHERE m.id = w.driver_master \
             AND m.epoch = w.driver_epoch AND m.until > #now) THEN 1 ELSE 0 END \
             FROM @workspaces w WHERE w.id = $1 #lock_w"
        );
        let mut row = self.row(&sql, values![id.as_uuid()]).await?.ok_or(Refused::NotFound)?;
        Ok(Locked { row: workspace(&mut row)?, driven: row.flag()? })
    }

    /// What of a row another workspace has already.
    async fn taken(&mut self, row: &Workspace) -> Result<Option<Refused>, Fault> {
        let id = row.id.as_uuid();
        let sql = "SELECT id FROM @workspaces WHERE owner = $1 AND name = $2 AND status <> 'deleted' AND id <> $3";
        if self.row(sql, values![row.owner.as_str(), row.desired.name.as_str(), id]).await?.is_some() {
            return Ok(Some(Refused::NameTaken));
        }
        let sql = "SELECT id FROM @workspaces WHERE project = $1 AND status <> 'deleted' AND id <> $2";
        let project = self.row(sql, values![row.desired.project.as_uuid(), id]).await?;
        Ok(project.map(|_| Refused::ProjectTaken))
    }
}

/// A workspace whose row nobody else changes until the end of the change.
struct Locked {
    row: Workspace,
    /// Whether its driver's lease holds.
    driven: bool,
}

/// A workspace as it is written: without its network number, which stands in a table of its own.
pub(crate) fn workspace_columns(row: &Workspace) -> Result<Vec<Value>, Fault> {
    let desired = Desired { network_slot: None, ..row.desired.clone() };
    Ok(values![
        row.id.as_uuid(),
        row.owner.as_str(),
        row.desired.name.as_str(),
        row.desired.project.as_uuid(),
        row.desired.server.map(|server| server.as_uuid()),
        intent_name(row.desired.intent),
        row.observed.status.name(),
        row.is_settled(),
        row.revision,
        row.driver.master.as_str(),
        row.driver.epoch,
        row.created_at,
        row.updated_at,
        json(&desired)?,
        json(&row.observed)?,
    ])
}
