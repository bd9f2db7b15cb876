//! Why a resource is not as it should be.

use serde::Serialize;
use utoipa::ToSchema;
use workspace_core::model;

/// Why a workspace is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Reason {
    /// The stable code.
    code: String,
    /// What happened.
    message: String,
    /// What to do next.
    hint: Option<String>,
}

impl From<model::Problem> for Reason {
    fn from(problem: model::Problem) -> Self {
        Self { code: problem.code, message: problem.message, hint: problem.hint }
    }
}

impl From<&workspace_core::error::Error> for Reason {
    fn from(error: &workspace_core::error::Error) -> Self {
        model::Problem::from(error).into()
    }
}
