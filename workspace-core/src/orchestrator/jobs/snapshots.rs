//! What the end of a job means for snapshots.

use crate::error::{Error, ErrorKind, Result};
use crate::id::SnapshotId;
use crate::model::{
    Job, Problem, Project, ProjectCopy, Snapshot, SnapshotProfile, SnapshotStatus, StepReport, SyncStep, Work,
};
use crate::orchestrator::Core;
use crate::orchestrator::jobs::insert::NewJob;
use crate::orchestrator::jobs::report::saved_event;
use crate::port::Write;

/// How many files that a snapshot is without are named in its row; its job's report may have more.
const UNREADABLE: usize = 20;

/// Why a snapshot that is no longer being written does not have all of the data.
pub(in crate::orchestrator) fn why_not_whole(snapshot: &Snapshot) -> Option<Error> {
    if snapshot.status == SnapshotStatus::Incomplete {
        let message = format!("{} files cannot be read and would be lost on the way", snapshot.unreadable);
        let hint = "make them readable for user 1000, or remove them";
        return Some(Error::new(ErrorKind::Conflict, message).hint(hint));
    }
    snapshot.error.as_ref().map(Error::from)
}

impl Core {
    /// A job that writes a snapshot of a copy, and the snapshot's row.
    pub(in crate::orchestrator) fn snapshot_job(
        &self,
        project: &Project,
        copy: ProjectCopy,
        profile: SnapshotProfile,
        message: Option<String>,
    ) -> (Job, Snapshot) {
        let snapshot = SnapshotId::from_uuid(self.env.uuid());
        let work = Work::Sync(vec![SyncStep::Snapshot { snapshot, profile, message: message.clone() }]);
        let job = self.job_row(NewJob { project, copy, session: None, finishes: None, work });
        let row = self.snapshot_row(&job, snapshot, profile, message);
        (job, row)
    }

    /// The row of a snapshot that a job is to write.
    pub(in crate::orchestrator) fn snapshot_row(
        &self,
        job: &Job,
        id: SnapshotId,
        profile: SnapshotProfile,
        message: Option<String>,
    ) -> Snapshot {
        Snapshot {
            id,
            owner: job.owner.clone(),
            project: job.project,
            data_generation: job.copy.data_generation,
            profile,
            message,
            status: SnapshotStatus::Creating,
            job: job.id,
            files: 0,
            bytes: 0,
            bytes_uploaded: 0,
            unreadable: 0,
            unreadable_files: Vec::new(),
            error: None,
            created_at: self.env.now(),
        }
    }

    /// What a job's end means for the snapshot of one of its steps.
    pub(super) async fn told_of_snapshot(
        &self,
        job: &Job,
        step: &SyncStep,
        project: Option<&Project>,
    ) -> Result<Vec<Write>> {
        match step {
            SyncStep::Snapshot { snapshot, .. } => self.snapshot_ended(job, *snapshot, project).await,
            SyncStep::Verify { snapshot } => self.snapshot_verified(job, *snapshot).await,
            SyncStep::Delete { snapshot } => self.snapshot_deleted(job, *snapshot).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Damage that was found stays told until a later verification finds none.
    async fn snapshot_verified(&self, job: &Job, id: SnapshotId) -> Result<Vec<Write>> {
        let (row, report) = (self.store.snapshot(id).await?, job.report("verify"));
        let ready = row.filter(|row| row.status.is_there());
        let Some((row, report)) = ready.zip(report) else { return Ok(Vec::new()) };
        let damaged = |problem: &Problem| problem.code == ErrorKind::SnapshotDamaged.code();
        let error = match &report.error {
            None => None,
            Some(problem) if damaged(problem) => Some(problem.clone()),
            // It was not found out.
            Some(_) => row.error.clone(),
        };
        Ok(vec![Write::PutSnapshot(Box::new(Snapshot { error, ..row }))])
    }

    async fn snapshot_deleted(&self, job: &Job, id: SnapshotId) -> Result<Vec<Write>> {
        let report = job.report("delete");
        if report.is_some_and(|report| report.error.is_none()) {
            return Ok(vec![Write::RemoveSnapshot(id)]);
        }
        let Some(row) = self.store.snapshot(id).await? else { return Ok(Vec::new()) };
        let error = report.and_then(|report| report.error.clone()).or_else(|| job.error.clone());
        Ok(vec![Write::PutSnapshot(Box::new(Snapshot { error, ..row }))])
    }

    async fn snapshot_ended(&self, job: &Job, id: SnapshotId, project: Option<&Project>) -> Result<Vec<Write>> {
        let Some(row) = self.store.snapshot(id).await? else { return Ok(Vec::new()) };
        let report = job.report("snapshot");
        let number = |field: &str| report.and_then(|report| report.report[field].as_u64()).unwrap_or(0);
        let failed = || report.and_then(|report| report.error.clone()).or_else(|| job.error.clone());
        let ready = report.is_some_and(|report| report.error.is_none());
        let unreadable = number("unreadable");
        let row = Snapshot {
            status: match unreadable {
                _ if !ready => SnapshotStatus::Failed,
                0 => SnapshotStatus::Ready,
                _ => SnapshotStatus::Incomplete,
            },
            unreadable,
            unreadable_files: report.map(unreadable_files).unwrap_or_default(),
            files: number("files"),
            bytes: number("bytes"),
            bytes_uploaded: number("bytes_uploaded"),
            error: if ready { None } else { failed() },
            ..row
        };
        let saved = project.and_then(|project| project.saved).filter(|saved| saved.snapshot == id);
        let told = saved.map(|saved| Write::Append(saved_event(saved.workspace, &row, self.env.now())));
        Ok([Write::PutSnapshot(Box::new(row))].into_iter().chain(told).collect())
    }
}

/// The names of files that a snapshot is without, the first ones.
fn unreadable_files(report: &StepReport) -> Vec<String> {
    let skipped = report.report["skipped"].as_array().into_iter().flatten();
    let unreadable = skipped.filter(|skipped| skipped["reason"] == "unreadable");
    unreadable.filter_map(|skipped| skipped["path"].as_str().map(str::to_owned)).take(UNREADABLE).collect()
}
