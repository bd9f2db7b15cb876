//! A problem document (RFC 9457).

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use workspace_core::error::{Error, ErrorKind};

use super::code::{Code, INTERNAL};
use crate::wire;

/// Where the meaning of a code is written down.
const TYPES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/errors.md#");

/// When to try again after a 503, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// An answer that is an error (RFC 9457). It turns into a response with its status and headers.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem(Box<Document>);

/// The body of every error (RFC 9457).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// Where the code is explained.
    #[serde(rename = "type")]
    kind: String,
    /// The code for people.
    #[schema(value_type = String)]
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What went wrong this time.
    detail: String,
    /// The stable code: what programs look at.
    #[schema(value_type = String)]
    code: &'static str,
    /// Whether the same request may succeed later without a change.
    retryable: bool,
    /// What to do next.
    hint: Option<String>,
    /// The field of the request that is wrong, such as `resources.cpu_millis`.
    field: Option<String>,
    /// Why each server was refused.
    rejections: Vec<wire::Rejection>,
    /// What a code adds, such as `stdout` and `stderr` of `time_limit`.
    #[serde(flatten)]
    more: BTreeMap<&'static str, Value>,
}

impl Problem {
    /// A problem that HTTP itself gives.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Document {
            kind: format!("{TYPES}{}", code.name),
            title: code.title,
            status: code.status.as_u16(),
            detail: detail.into(),
            code: code.name,
            retryable: false,
            hint: Some(code.next.to_owned()),
            field: None,
            rejections: Vec::new(),
            more: BTreeMap::new(),
        }))
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(INTERNAL.status)
    }

    /// The field of the request that is wrong.
    pub fn wrong_field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// What goes over the wire.
    pub(crate) fn document(&self) -> &Document {
        &self.0
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Names the field that is wrong.
    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// Adds a member.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name, value.into());
        self
    }

    /// The same code with another status, because here it is the request that is wrong.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status.as_u16();
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        // What is inside of us or of the store is for the log, not for the caller.
        let inside = matches!(error.kind(), ErrorKind::Internal | ErrorKind::StoreUnavailable);
        if inside {
            tracing::error!(error = error.chain(), "request failed");
        }
        let detail = if inside { error.message().to_owned() } else { error.chain() };
        let mut problem = Self::new(Code::of(error.kind()), detail);
        problem.0.retryable = error.is_retryable();
        if let Some(hint) = error.next_step() {
            problem.0.hint = Some(hint.to_owned());
        }
        problem.0.field = error.field().map(str::to_owned);
        problem.0.rejections = error.refused_servers().iter().map(wire::Rejection::from).collect();
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"workspace-fleet\""));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
