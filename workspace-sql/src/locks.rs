//! The order in which a change locks rows.
//!
//! Two masters deadlock only when they lock the same rows in different orders. Everybody locks servers before
//! projects, workspaces, jobs and streams of events, each in the order of their ids. Most changes do so by themselves;
//! for the others the rows are locked in that order beforehand. What still collides (unique keys) is undone and
//! repeated.

use std::collections::BTreeSet;

use uuid::Uuid;
use workspace_core::port::{Change, Write};

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::Value;

/// A row that a write locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lock {
    /// The server of a holder's reservation: known only to the database.
    ServerOf(Uuid),
    Server(Uuid),
    Project(Uuid),
    Workspace(Uuid),
    Job(Uuid),
    Stream(Uuid),
}

/// Locks the rows of a change in order, unless its writes do so by themselves.
pub(crate) async fn take<S: Session>(cursor: &mut Cursor<'_, S>, writes: &[Write]) -> Result<(), Fault> {
    let locks = plan(writes);
    if !cursor.dialect.locks_rows || in_order(&locks) {
        return Ok(());
    }
    take_planned(cursor, &locks.into_iter().collect()).await
}

/// Locks the rows of several changes in order: one after the other they would not.
pub(crate) async fn take_all<S: Session>(cursor: &mut Cursor<'_, S>, changes: &[Change]) -> Result<(), Fault> {
    if !cursor.dialect.locks_rows {
        return Ok(());
    }
    let locks = changes.iter().flat_map(|change| plan(&change.writes)).collect();
    take_planned(cursor, &locks).await
}

async fn take_planned<S: Session>(cursor: &mut Cursor<'_, S>, locks: &BTreeSet<Lock>) -> Result<(), Fault> {
    let ids = |pick: fn(&Lock) -> Option<Uuid>| locks.iter().filter_map(pick).collect::<Vec<_>>();
    let servers = ids(|lock| if let Lock::Server(id) = lock { Some(*id) } else { None });
    let holders = ids(|lock| if let Lock::ServerOf(id) = lock { Some(*id) } else { None });
    if !servers.is_empty() || !holders.is_empty() {
        let sql = "SELECT id FROM @servers WHERE id IN (SELECT unnest($1::uuid[]) UNION SELECT server FROM @reservations \
                   WHERE holder IN (SELECT unnest($2::uuid[])) AND released_seq IS NULL) ORDER BY id FOR UPDATE";
        cursor.rows(sql, vec![Value::ids(servers), Value::ids(holders)]).await?;
    }
    let projects = ids(|lock| if let Lock::Project(id) = lock { Some(*id) } else { None });
    lock(cursor, "SELECT id FROM @projects WHERE id = ANY($1) ORDER BY id FOR UPDATE", projects).await?;
    let workspaces = ids(|lock| if let Lock::Workspace(id) = lock { Some(*id) } else { None });
    lock(cursor, "SELECT id FROM @workspaces WHERE id = ANY($1) ORDER BY id FOR UPDATE", workspaces).await?;
    let jobs = ids(|lock| if let Lock::Job(id) = lock { Some(*id) } else { None });
    lock(cursor, "SELECT id FROM @jobs WHERE id = ANY($1) ORDER BY id FOR UPDATE", jobs).await?;
    let streams = ids(|lock| if let Lock::Stream(id) = lock { Some(*id) } else { None });
    lock(cursor, "SELECT parent FROM @streams WHERE parent = ANY($1) ORDER BY parent FOR UPDATE", streams).await
}

async fn lock<S: Session>(cursor: &mut Cursor<'_, S>, sql: &str, ids: Vec<Uuid>) -> Result<(), Fault> {
    if !ids.is_empty() {
        cursor.rows(sql, vec![Value::ids(ids)]).await?;
    }
    Ok(())
}

/// The rows that existed before and that the writes lock, in the order of the writes, each once.
fn plan(writes: &[Write]) -> Vec<Lock> {
    let mut locks = Vec::new();
    let mut add = |lock| {
        if !locks.contains(&lock) {
            locks.push(lock);
        }
    };
    for write in writes {
        match write {
            Write::UpdateServer { record, .. } => add(Lock::Server(record.id.as_uuid())),
            Write::ObserveServer { id, .. } | Write::RemoveServer(id) => add(Lock::Server(id.as_uuid())),
            Write::Reserve { server, .. } => add(Lock::Server(server.as_uuid())),
            Write::Release { holder, .. } => add(Lock::ServerOf(*holder)),
            Write::AllotNetwork { server, workspace, .. } => {
                add(Lock::Server(server.as_uuid()));
                add(Lock::Workspace(workspace.as_uuid()));
            }
            Write::UpdateProject { project, .. } => add(Lock::Project(project.id.as_uuid())),
            Write::RemoveProject(id) => add(Lock::Project(id.as_uuid())),
            // A new workspace has no row to wait for, and who looks for it waits behind us.
            Write::InsertWorkspace(workspace) => add(Lock::Workspace(workspace.id.as_uuid())),
            Write::DecideWorkspace { id, .. } | Write::ObserveWorkspace { id, .. } | Write::AdoptWorkspace(id) => {
                add(Lock::Workspace(id.as_uuid()));
            }
            Write::InsertJob(job) | Write::UpdateJob { job, .. } => add(Lock::Job(job.id.as_uuid())),
            Write::CancelJob(id) | Write::AdoptJob(id) => add(Lock::Job(id.as_uuid())),
            Write::Append(event) => add(Lock::Stream(event.parent)),
            _ => {}
        }
    }
    locks
}

/// Whether the locks are in everybody's order. A holder's server could be any, so it must be the only one.
fn in_order(locks: &[Lock]) -> bool {
    let servers = locks.iter().filter(|lock| matches!(lock, Lock::Server(_) | Lock::ServerOf(_))).count();
    let unknown = locks.iter().any(|lock| matches!(lock, Lock::ServerOf(_)));
    locks.is_sorted() && !(unknown && servers > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_by_kind_and_id() {
        let id = Uuid::from_u128;
        let create = [Lock::Server(id(9)), Lock::Workspace(id(5)), Lock::Stream(id(5))];
        assert!(in_order(&create), "a create locks in order by itself");
        assert!(in_order(&[]));
        assert!(in_order(&[Lock::ServerOf(id(1)), Lock::Workspace(id(2))]));
        assert!(!in_order(&[Lock::ServerOf(id(1)), Lock::Server(id(2))]), "two servers, one of them unknown");
        assert!(!in_order(&[Lock::ServerOf(id(1)), Lock::ServerOf(id(2))]));
        assert!(!in_order(&[Lock::Workspace(id(1)), Lock::Server(id(2))]));
        assert!(!in_order(&[Lock::Server(id(2)), Lock::Server(id(1))]));
    }
}
