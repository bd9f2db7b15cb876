//! Writes of jobs.

use super::change::Transaction;
use super::tables::Tables;
use crate::id::JobId;
use crate::model::Job;
use crate::port::Refused;

impl Tables {
    /// Another job than this that is not finished and for which the rule holds.
    fn is_at_work(&self, but: JobId, rule: impl Fn(&Job) -> bool) -> bool {
        self.unfinished.iter().filter(|&&id| id != but).filter_map(|id| self.jobs.get(id)).any(rule)
    }

    /// Puts a row, or takes it out; answers with what was there.
    fn swap_job(&mut self, id: JobId, next: Option<Job>) -> Option<Job> {
        self.unfinished.remove(&id);
        let Some(next) = next else { return self.jobs.remove(&id) };
        if !next.status.is_finished() {
            self.unfinished.insert(id);
        }
        self.jobs.insert(id, next)
    }
}

impl Transaction<'_> {
    pub(super) fn insert_job(&mut self, job: &Job) -> Result<(), Refused> {
        if self.tables.jobs.contains_key(&job.id) {
            return Err(Refused::NameTaken);
        }
        if !job.status.is_finished() {
            if job.session.is_some() && self.tables.is_at_work(job.id, |other| other.session == job.session) {
                return Err(Refused::InUse);
            }
            let same = |other: &Job| other.project == job.project && other.work.writes();
            if job.work.writes() && self.tables.is_at_work(job.id, same) {
                return Err(Refused::ProjectBusy);
            }
        }
        self.put_job(job.clone());
        Ok(())
    }

    pub(super) fn update_job(&mut self, job: &Job, expected: u64) -> Result<(), Refused> {
        let current = self.tables.jobs.get(&job.id).ok_or(Refused::NotFound)?;
        if self.fence != Some(&current.driver) {
            return Err(Refused::Fenced);
        }
        if current.revision != expected {
            return Err(Refused::Stale { current: current.revision });
        }
        let next = Job {
            revision: expected + 1,
            cancel: current.cancel || job.cancel,
            driver: current.driver.clone(),
            ..job.clone()
        };
        self.put_job(next);
        Ok(())
    }

    pub(super) fn cancel_job(&mut self, id: JobId) -> Result<(), Refused> {
        let current = self.tables.jobs.get(&id).ok_or(Refused::NotFound)?;
        if !current.status.is_finished() && !current.cancel {
            let next = Job { cancel: true, revision: current.revision + 1, ..current.clone() };
            self.put_job(next);
        }
        Ok(())
    }

    pub(super) fn adopt_job(&mut self, id: JobId) -> Result<(), Refused> {
        let current = self.tables.jobs.get(&id).ok_or(Refused::NotFound)?;
        let fence = self.fence.ok_or(Refused::Fenced)?;
        if current.driver.master != fence.master && self.tables.is_live(&current.driver, self.now) {
            return Err(Refused::Fenced);
        }
        let next = Job { driver: fence.clone(), ..current.clone() };
        self.put_job(next);
        Ok(())
    }

    fn put_job(&mut self, job: Job) {
        let id = job.id;
        let old = self.tables.swap_job(id, Some(job));
        self.on_undo(move |tables| {
            tables.swap_job(id, old);
        });
    }
}
