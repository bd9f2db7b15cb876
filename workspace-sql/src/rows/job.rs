//! Jobs.

use workspace_core::error::Result;
use workspace_core::model::Job;

use crate::value::Row;

/// What [`job`] reads, of `@jobs j`.
pub(crate) const JOB: &str = "j.record";

pub(crate) fn job(row: &mut Row) -> Result<Job> {
    row.json()
}
