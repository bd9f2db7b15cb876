//! Writes of jobs.

use workspace_core::id::JobId;
use workspace_core::model::Job;
use workspace_core::port::Refused;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::rows::{JOB, job};
use crate::value::{Value, json, values};

const INSERT: &str = "INSERT INTO @jobs (id, project, session, writes, finished, driver_master, driver_epoch, record) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id";

const UPDATE: &str = "UPDATE @jobs SET project = $2, session = $3, writes = $4, finished = $5, driver_master = $6, \
    driver_epoch = $7, record = $8 WHERE id = $1";

impl<S: Session> Cursor<'_, S> {
    pub(crate) async fn insert_job(&mut self, job: &Job) -> Result<(), Fault> {
        if self.row(INSERT, columns(job)?).await?.is_some() {
            return Ok(());
        }
        if self.row("SELECT id FROM @jobs WHERE id = $1", values![job.id.as_uuid()]).await?.is_some() {
            return Err(Refused::NameTaken.into());
        }
        let session = job.session.map(|session| session.as_uuid());
        let sql = "SELECT id FROM @jobs WHERE session = $1 AND finished = 0";
        if session.is_some() && self.row(sql, values![session]).await?.is_some() {
            return Err(Refused::InUse.into());
        }
        let sql = "SELECT id FROM @jobs WHERE project = $1 AND finished = 0 AND writes = 1";
        match self.row(sql, values![job.project.as_uuid()]).await? {
            Some(_) => Err(Refused::ProjectBusy.into()),
            // What was in the way is gone.
            None => Err(Fault::Again(None)),
        }
    }

    pub(crate) async fn update_job(&mut self, job: &Job, expected: u64) -> Result<(), Fault> {
        let Locked { row, .. } = self.lock_job(job.id).await?;
        if self.fence != Some(&row.driver) {
            return Err(Refused::Fenced.into());
        }
        if row.revision != expected {
            return Err(Refused::Stale { current: row.revision }.into());
        }
        let cancel = row.cancel || job.cancel;
        self.write_job(&Job { revision: expected + 1, cancel, driver: row.driver, ..job.clone() }).await
    }

    pub(crate) async fn cancel_job(&mut self, id: JobId) -> Result<(), Fault> {
        let Locked { row, .. } = self.lock_job(id).await?;
        if row.status.is_finished() || row.cancel {
            return Ok(());
        }
        self.write_job(&Job { cancel: true, revision: row.revision + 1, ..row }).await
    }

    pub(crate) async fn adopt_job(&mut self, id: JobId) -> Result<(), Fault> {
        let Locked { row, driven } = self.lock_job(id).await?;
        let fence = self.fence.ok_or(Refused::Fenced)?;
        if row.driver.master != fence.master && driven {
            return Err(Refused::Fenced.into());
        }
        self.write_job(&Job { driver: fence.clone(), ..row }).await
    }

    async fn write_job(&mut self, job: &Job) -> Result<(), Fault> {
        self.rows(UPDATE, columns(job)?).await.map(|_| ())
    }

    async fn lock_job(&mut self, id: JobId) -> Result<Locked, Fault> {
        let sql = format!(
            "SELECT {JOB}, CASE WHEN EXISTS (SELECT 1 FROM @masters m WHERE m.id = j.driver_master \
             AND m.epoch = j.driver_epoch AND m.until > #now) THEN 1 ELSE 0 END FROM @jobs j WHERE j.id = $1 #lock_j"
        );
        let mut row = self.row(&sql, values![id.as_uuid()]).await?.ok_or(Refused::NotFound)?;
        Ok(Locked { row: job(&mut row)?, driven: row.flag()? })
    }
}

/// A job whose row nobody else changes until the end of the change.
struct Locked {
    row: Job,
    /// Whether its driver's lease holds.
    driven: bool,
}

fn columns(job: &Job) -> Result<Vec<Value>, Fault> {
    Ok(values![
        job.id.as_uuid(),
        job.project.as_uuid(),
        job.session.map(|session| session.as_uuid()),
        job.work.writes(),
        job.status.is_finished(),
        job.driver.master.as_str(),
        job.driver.epoch,
        json(job)?,
    ])
}
