//! Queries.

use uuid::Uuid;
use workspace_core::error::Result;
use workspace_core::event::Event;
use workspace_core::id::{JobId, OwnerId, ProjectId, ServerId, SessionId, SnapshotId, TokenId, WorkspaceId};
use workspace_core::model::{
    AuditEntry, Fence, IdempotencyRecord, Job, Project, Reservation, ServerState, Session, Snapshot, Status, Token,
    UsageInterval, Workspace,
};
use workspace_core::port::{AuditFilter, DataFilter, JobFilter, Page, PageRequest, UsageFilter, WorkspaceFilter};

use super::Store;
use crate::backend::Backend;
use crate::rows::{
    self, AUDIT, EVENT, IDEMPOTENCY, JOB, PROJECT, RESERVATION, SERVER, TOKEN, USAGE, WORKSPACE, intent_name,
};
use crate::value::{Row, Value, values};

impl<B: Backend> Store<B> {
    pub(crate) async fn server(&self, id: ServerId) -> Result<Option<ServerState>> {
        let sql = format!("SELECT {SERVER} FROM @servers s WHERE s.id = $1");
        self.one(&sql, values![id.as_uuid()], |row| rows::server(&self.vault, row)).await
    }

    pub(crate) async fn servers(&self) -> Result<Vec<ServerState>> {
        let sql = format!("SELECT {SERVER} FROM @servers s ORDER BY s.id");
        self.all(&sql, values![], |row| rows::server(&self.vault, row)).await
    }

    pub(crate) async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>> {
        let sql = format!("SELECT {WORKSPACE} FROM @workspaces w WHERE w.id = $1");
        self.one(&sql, values![id.as_uuid()], rows::workspace).await
    }

    pub(crate) async fn workspaces(&self, filter: &WorkspaceFilter, page: PageRequest) -> Result<Page<Workspace>> {
        let mut list = List::new(format!("SELECT {WORKSPACE} FROM @workspaces w WHERE w.status <> 'deleted'"));
        list.only("w.owner =", filter.owner.as_ref().map(OwnerId::as_str));
        list.only("w.name =", filter.name.as_deref());
        list.only("w.server =", filter.server.map(|server| server.as_uuid()));
        list.only("w.project =", filter.project.map(|project| project.as_uuid()));
        list.only("w.status =", filter.status.map(Status::name));
        list.only("w.intent =", filter.intent.map(intent_name));
        self.page(list, "w.id", page, rows::workspace, |row| row.id.as_uuid()).await
    }

    pub(crate) async fn unsettled_workspaces(&self, fence: &Fence) -> Result<Vec<WorkspaceId>> {
        let sql = "SELECT w.id FROM @workspaces w WHERE w.settled = 0 AND w.status <> 'deleted' \
                   AND (w.driver_master = $1 OR NOT EXISTS (SELECT 1 FROM @masters m WHERE m.id = w.driver_master \
                   AND m.epoch = w.driver_epoch AND m.until > #now)) ORDER BY w.id";
        self.all(sql, values![fence.master.as_str()], |row| row.id().map(WorkspaceId::from_uuid)).await
    }

    pub(crate) async fn project(&self, id: ProjectId) -> Result<Option<Project>> {
        let sql = format!("SELECT {PROJECT} FROM @projects WHERE id = $1");
        self.one(&sql, values![id.as_uuid()], |row| rows::project(&self.vault, row)).await
    }

    pub(crate) async fn projects(&self, owner: Option<&OwnerId>, page: PageRequest) -> Result<Page<Project>> {
        let mut list = List::new(format!("SELECT {PROJECT} FROM @projects WHERE 1 = 1"));
        list.only("owner =", owner.map(OwnerId::as_str));
        self.page(list, "id", page, |row| rows::project(&self.vault, row), |row| row.id.as_uuid()).await
    }

    pub(crate) async fn job(&self, id: JobId) -> Result<Option<Job>> {
        let sql = format!("SELECT {JOB} FROM @jobs j WHERE j.id = $1");
        self.one(&sql, values![id.as_uuid()], rows::job).await
    }

    pub(crate) async fn jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>> {
        let mut list = List::new(format!("SELECT {JOB} FROM @jobs j WHERE 1 = 1"));
        list.only("j.project =", filter.project.map(|project| project.as_uuid()));
        list.only("j.session =", filter.session.map(|session| session.as_uuid()));
        list.only("j.finished =", filter.finished);
        self.page(list, "j.id", page, rows::job, |row| row.id.as_uuid()).await
    }

    pub(crate) async fn unfinished_jobs(&self, fence: &Fence) -> Result<Vec<JobId>> {
        let sql = "SELECT j.id FROM @jobs j WHERE j.finished = 0 \
                   AND (j.driver_master = $1 OR NOT EXISTS (SELECT 1 FROM @masters m WHERE m.id = j.driver_master \
                   AND m.epoch = j.driver_epoch AND m.until > #now)) ORDER BY j.id";
        self.all(sql, values![fence.master.as_str()], |row| row.id().map(JobId::from_uuid)).await
    }

    pub(crate) async fn session(&self, id: SessionId) -> Result<Option<Session>> {
        self.one("SELECT record FROM @sessions WHERE id = $1", values![id.as_uuid()], Row::json).await
    }

    pub(crate) async fn sessions(&self, filter: &DataFilter, page: PageRequest) -> Result<Page<Session>> {
        let list = of_data("SELECT record FROM @sessions WHERE 1 = 1", filter);
        self.page(list, "id", page, Row::json, |row: &Session| row.id.as_uuid()).await
    }

    pub(crate) async fn snapshot(&self, id: SnapshotId) -> Result<Option<Snapshot>> {
        self.one("SELECT record FROM @snapshots WHERE id = $1", values![id.as_uuid()], Row::json).await
    }

    pub(crate) async fn snapshots(&self, filter: &DataFilter, page: PageRequest) -> Result<Page<Snapshot>> {
        let list = of_data("SELECT record FROM @snapshots WHERE 1 = 1", filter);
        self.page(list, "id", page, Row::json, |row: &Snapshot| row.id.as_uuid()).await
    }

    pub(crate) async fn reservations(&self, server: ServerId, released: bool) -> Result<Vec<Reservation>> {
        let live = if released { "" } else { "AND released_seq IS NULL" };
        let sql = format!("SELECT {RESERVATION} FROM @reservations WHERE server = $1 {live} ORDER BY claimed_seq");
        self.all(&sql, values![server.as_uuid()], rows::reservation).await
    }

    pub(crate) async fn events(&self, parent: Uuid, after: u64, limit: u32) -> Result<Vec<Event>> {
        let sql = format!("SELECT {EVENT} FROM @events WHERE parent = $1 AND seq > $2 ORDER BY seq LIMIT $3");
        self.all(&sql, values![parent, after, limit], |row| rows::event(parent, row)).await
    }

    pub(crate) async fn usage(
        &self,
        filter: &UsageFilter,
        after: Option<(WorkspaceId, u64)>,
        limit: u32,
    ) -> Result<Vec<UsageInterval>> {
        let mut list = List::new(format!("SELECT {USAGE} FROM @usage WHERE 1 = 1"));
        list.only("owner =", filter.owner.as_ref().map(OwnerId::as_str));
        list.only("workspace =", filter.workspace.map(|workspace| workspace.as_uuid()));
        list.only("began <", filter.to);
        if let Some(from) = filter.from {
            list.values.push(from.into());
            list.sql = format!("{} AND (ended IS NULL OR ended > ${})", list.sql, list.values.len());
        }
        if let Some((workspace, seq)) = after {
            list.values.extend(values![workspace.as_uuid(), seq]);
            let place = list.values.len();
            list.sql = format!("{} AND (workspace, seq) > (${}, ${place})", list.sql, place - 1);
        }
        list.values.push(limit.into());
        let sql = format!("{} ORDER BY workspace, seq LIMIT ${}", list.sql, list.values.len());
        self.all(&sql, list.values, rows::usage).await
    }

    pub(crate) async fn audit(&self, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEntry>> {
        let mut list = List::new(format!("SELECT {AUDIT} FROM @audit WHERE 1 = 1"));
        list.only("owner =", filter.owner.as_ref().map(OwnerId::as_str));
        list.only("subject =", filter.subject);
        list.only("at >=", filter.from);
        list.only("at <", filter.to);
        self.page(list, "id", page, rows::audit, |row| row.id.as_uuid()).await
    }

    pub(crate) async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>> {
        let sql = format!("SELECT {TOKEN} FROM @tokens WHERE hash = $1");
        self.one(&sql, values![*hash], rows::token).await
    }

    pub(crate) async fn token(&self, id: TokenId) -> Result<Option<Token>> {
        let sql = format!("SELECT {TOKEN} FROM @tokens WHERE id = $1");
        self.one(&sql, values![id.as_uuid()], rows::token).await
    }

    pub(crate) async fn remembered(&self, owner: &OwnerId, key: &str) -> Result<Option<IdempotencyRecord>> {
        let sql = format!("SELECT {IDEMPOTENCY} FROM @idempotency WHERE owner = $1 AND key = $2");
        self.one(&sql, values![owner.as_str(), key], rows::idempotency).await
    }

    async fn one<T>(&self, sql: &str, values: Vec<Value>, model: impl Fn(&mut Row) -> Result<T>) -> Result<Option<T>> {
        Ok(self.all(sql, values, model).await?.into_iter().next())
    }

    async fn all<T>(&self, sql: &str, values: Vec<Value>, model: impl Fn(&mut Row) -> Result<T>) -> Result<Vec<T>> {
        self.read(sql, values).await?.iter_mut().map(model).collect()
    }

    /// One more row than asked for tells whether there is a next page.
    async fn page<T>(
        &self,
        mut list: List,
        order: &'static str,
        page: PageRequest,
        model: impl Fn(&mut Row) -> Result<T>,
        id: impl Fn(&T) -> Uuid,
    ) -> Result<Page<T>> {
        list.only(&format!("{order} >"), page.after);
        list.values.push(Value::from(u64::from(page.limit) + 1));
        let sql = format!("{} ORDER BY {order} LIMIT ${}", list.sql, list.values.len());
        let mut items = self.all(&sql, list.values, model).await?;
        let more = items.len() > page.limit as usize;
        items.truncate(page.limit as usize);
        Ok(Page { next: items.last().filter(|_| more).map(id), items })
    }
}

/// The rows of an owner, of a project, or of both.
fn of_data(sql: &str, filter: &DataFilter) -> List {
    let mut list = List::new(sql.to_owned());
    list.only("owner =", filter.owner.as_ref().map(OwnerId::as_str));
    list.only("project =", filter.project.map(|project| project.as_uuid()));
    list
}

/// A query that is put together from the conditions that are set.
struct List {
    sql: String,
    values: Vec<Value>,
}

impl List {
    fn new(sql: String) -> Self {
        Self { sql, values: Vec::new() }
    }

    fn only(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.values.push(value.into());
            self.sql = format!("{} AND {condition} ${}", self.sql, self.values.len());
        }
    }
}
