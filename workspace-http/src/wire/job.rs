//! How moving data goes.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::clock::Timestamp;
use workspace_core::model::{self, SyncStep, Work};

use super::SyncDirection;
use super::problem::Reason;

/// One step of moving data.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepAnswer {
    step: String,
    #[schema(value_type = Object)]
    report: Value,
    error: Option<Reason>,
}

/// How moving data goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobAnswer {
    id: Uuid,
    project: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<SyncDirection>,
    /// `pending`, `running`, `done`, `failed`, `interrupted` or `cancelled`.
    status: &'static str,
    /// The commit or snapshot that project and remote now share.
    revision: Option<String>,
    files_changed: Option<u64>,
    bytes: Option<u64>,
    steps: Vec<StepAnswer>,
    error: Option<Reason>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    finished_at: Option<Timestamp>,
}

impl JobAnswer {
    pub(crate) fn new(job: model::Job, direction: Option<SyncDirection>) -> Self {
        let last = |field: &str| job.reports.iter().rev().find_map(|report| report.report.get(field).cloned());
        let text = |value: Value| value.as_str().map(str::to_owned);
        let error = job.error.clone().or_else(|| job.reports.iter().find_map(|report| report.error.clone()));
        Self {
            id: job.id.as_uuid(),
            project: job.project.as_uuid(),
            direction,
            status: status(job.status),
            revision: last("revision").or_else(|| last("version")).and_then(text),
            files_changed: last("files_changed").and_then(|value| value.as_u64()),
            bytes: last("bytes").and_then(|value| value.as_u64()),
            error: error.map(Reason::from),
            created_at: job.created_at,
            finished_at: job.finished_at,
            steps: job
                .reports
                .into_iter()
                .map(|report| StepAnswer {
                    step: report.step,
                    report: report.report,
                    error: report.error.map(Reason::from),
                })
                .collect(),
        }
    }
}

/// What is said of a job: a data job that succeeded is done.
pub(crate) const fn status(status: model::JobStatus) -> &'static str {
    match status {
        model::JobStatus::Succeeded => "done",
        other => other.name(),
    }
}

/// The direction of a job that moves data, for those who ask later.
pub(crate) fn direction(work: &Work) -> Option<SyncDirection> {
    let Work::Sync(steps) = work else { return None };
    Some(match steps.first()? {
        SyncStep::Clone | SyncStep::Pull | SyncStep::Restore { .. } => SyncDirection::Pull,
        SyncStep::Push { .. } | SyncStep::Snapshot { .. } => SyncDirection::Push,
        SyncStep::Verify { .. } | SyncStep::Delete { .. } => return None,
    })
}
