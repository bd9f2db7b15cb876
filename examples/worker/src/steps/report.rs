//! What came of a step, as a report.

use serde_json::Value;
use workspace_fleet::error::Result;
use workspace_fleet::model::{Problem, StepReport};

/// The report of a step.
pub(super) fn report(step: &str, done: Result<Value>) -> StepReport {
    let (report, error) = match done {
        Ok(report) => (report, None),
        Err(error) => (Value::Null, Some(Problem::from(&error))),
    };
    StepReport { step: step.to_owned(), report, error }
}
