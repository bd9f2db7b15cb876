//! What the followers of a session hear of a job.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::event::NewEvent;
use crate::id::WorkspaceId;
use crate::job::{OUTPUT, STEP, TRUNCATED};
use crate::model::{Job, JobStatus, Problem, Snapshot, SnapshotStatus, StepReport, Work};
use crate::port::JobEvent;

/// An event of a job's session; `None` for what is of no interest there.
pub(super) fn session_event(job: &Job, event: &JobEvent, at: Timestamp) -> Option<NewEvent> {
    let (kind, data) = match event.kind.as_str() {
        OUTPUT => ("message", event.data.clone()),
        TRUNCATED => ("output.truncated", event.data.clone()),
        STEP => {
            let report: StepReport = serde_json::from_value(event.data.clone()).ok()?;
            let kind = match report.step.as_str() {
                "agent" => return None,
                "snapshot" => "snapshot.done",
                _ => "sync.done",
            };
            (kind, told(&report))
        }
        _ => return None,
    };
    of_session(job, kind, data, at)
}

/// The last event of an agent's run; `None` while the job that finishes it is still to come.
pub(super) fn terminal_event(job: &Job, run: &Job, at: Timestamp) -> Option<NewEvent> {
    let status = match run.status {
        JobStatus::Succeeded => "succeeded",
        JobStatus::Interrupted => "interrupted",
        JobStatus::Cancelled => "cancelled",
        JobStatus::Failed | JobStatus::Pending | JobStatus::Running => "failed",
    };
    let exit_code = run.report("agent").map_or(Value::Null, |report| report.report["exit_code"].clone());
    let error = run.error.clone().or_else(|| run.reports.iter().find_map(|report| report.error.clone()));
    let part = |step: &str| job.report(step).map_or(Value::Null, told);
    let data = json!({
        "execution": run.id, "status": status, "exit_code": exit_code, "error": error.as_ref().map(problem),
        "commit": part("commit"), "push": part("push"), "snapshot": part("snapshot"),
        "finish_error": job.error.as_ref().filter(|_| job.id != run.id).map(problem),
    });
    of_session(job, "execution.finished", data, at)
}

fn of_session(job: &Job, kind: &str, data: Value, at: Timestamp) -> Option<NewEvent> {
    let parent = job.session?.as_uuid();
    Some(NewEvent { parent, at, kind: kind.to_owned(), data })
}

/// What those who follow a workspace hear of the snapshot that its stop took.
pub(super) fn saved_event(workspace: WorkspaceId, snapshot: &Snapshot, at: Timestamp) -> NewEvent {
    let Snapshot { id, files, bytes, .. } = snapshot;
    let (kind, data) = match &snapshot.error {
        Some(error) => {
            let Problem { code, message, hint } = error;
            let data = json!({ "snapshot": id, "code": code, "message": message, "hint": hint });
            ("workspace.snapshot_failed", data)
        }
        None if snapshot.status == SnapshotStatus::Incomplete => {
            let Snapshot { unreadable, unreadable_files, .. } = snapshot;
            let data = json!({ "snapshot": id, "unreadable": unreadable, "unreadable_files": unreadable_files });
            ("workspace.snapshot_incomplete", data)
        }
        None => ("workspace.snapshot_done", json!({ "snapshot": id, "files": files, "bytes": bytes })),
    };
    NewEvent { parent: workspace.as_uuid(), at, kind: kind.to_owned(), data }
}

/// A report as followers see it: what came of the step, or why it failed.
fn told(report: &StepReport) -> Value {
    match &report.error {
        None => json!({ "step": report.step, "status": "done", "report": report.report }),
        Some(error) => json!({ "step": report.step, "status": "failed", "error": problem(error) }),
    }
}

fn problem(problem: &Problem) -> Value {
    json!({ "code": problem.code, "message": problem.message, "hint": problem.hint })
}

/// What an agent's run was, for the job that finishes it.
pub(super) fn is_agent(job: &Job) -> bool {
    matches!(job.work, Work::Agent(_))
}
