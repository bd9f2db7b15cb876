//! Sessions and executions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::clock::Timestamp;
use workspace_core::id::{ProjectId, SessionId};
use workspace_core::model::{self, OnSuccess};
use workspace_core::orchestrator::{AgentRequest, NewExecution, SessionView};
use workspace_core::secret::Secret;

use super::mirror::mirror;
use super::problem::Reason;
use super::{Amounts, Timespan};

mirror! {
    /// Which kind of program an agent is.
    AgentKind = model::AgentKind {
        /// Any program; what it prints are its messages.
        Command,
    }
}

/// Which agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agent {
    kind: AgentKind,
    /// The image that it runs in; the request's `image` when absent.
    image: Option<String>,
    /// The program and its arguments. The prompt is on its standard input and in `WORKSPACE_PROMPT`.
    #[serde(default)]
    argv: Vec<String>,
    /// After this it is ended with everything that it started; ten minutes when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "10m")]
    timeout: Option<Timespan>,
}

/// What is done when an agent ended well, in one job.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = OnSuccess)]
pub(crate) struct AfterBody {
    commit: bool,
    push: bool,
    snapshot: bool,
}

/// An agent to run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Execute)]
pub(crate) struct ExecuteBody {
    /// The session that goes on; a new one when absent.
    session: Option<Uuid>,
    /// The project of a new session.
    project: Option<Uuid>,
    /// The image; `agent.image` goes before it.
    image: Option<String>,
    resources: Option<Amounts>,
    /// What the agent is asked to do.
    #[serde(default)]
    #[schema(required, example = "add a README")]
    prompt: String,
    agent: Agent,
    /// What its process finds in its environment. Never stored, logged or shown.
    credentials: Option<BTreeMap<String, String>>,
    on_success: Option<AfterBody>,
}

impl ExecuteBody {
    /// The request; `session` is the one in the path.
    pub(crate) fn into_new(self, session: Option<SessionId>) -> NewExecution {
        let after = self.on_success.unwrap_or_default();
        let credentials = self.credentials.unwrap_or_default();
        NewExecution {
            session: session.or(self.session.map(SessionId::from_uuid)),
            project: self.project.map(ProjectId::from_uuid),
            prompt: self.prompt,
            agent: AgentRequest {
                kind: self.agent.kind.into(),
                image: self.agent.image.or(self.image).unwrap_or_default(),
                argv: self.agent.argv,
                time_limit_seconds: self.agent.timeout.map(Timespan::seconds),
            },
            resources: self.resources.unwrap_or_default().into(),
            credentials: credentials.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
            on_success: OnSuccess { commit: after.commit, push: after.push, snapshot: after.snapshot },
        }
    }
}

/// Where to go on listening.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Resume)]
pub(crate) struct ResumeBody {
    pub(crate) session: Uuid,
    /// The number of the last event that was seen; `Last-Event-ID` goes before it.
    #[serde(default)]
    pub(crate) after: u64,
}

/// One run of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Execution {
    id: Uuid,
    session: Uuid,
    project: Uuid,
    /// `pending`, `running`, `succeeded`, `failed`, `interrupted` or `cancelled`.
    status: &'static str,
    prompt: String,
    exit_code: Option<i64>,
    error: Option<Reason>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    finished_at: Option<Timestamp>,
}

impl From<&model::Job> for Execution {
    fn from(job: &model::Job) -> Self {
        let prompt = match &job.work {
            model::Work::Agent(agent) => agent.prompt.clone(),
            model::Work::Sync(_) => String::new(),
        };
        let error = job.error.clone().or_else(|| job.reports.iter().find_map(|report| report.error.clone()));
        Self {
            id: job.id.as_uuid(),
            session: job.session.map(|session| session.as_uuid()).unwrap_or_default(),
            project: job.project.as_uuid(),
            status: job.status.name(),
            prompt,
            exit_code: job.report("agent").and_then(|report| report.report["exit_code"].as_i64()),
            error: error.map(Reason::from),
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    id: Uuid,
    project: Uuid,
    owner: String,
    /// What it is about.
    title: String,
    /// Where its agents' work is committed.
    branch: String,
    /// Whether something goes on in it; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    busy: Option<bool>,
    /// The runs of agents, the newest last; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    executions: Option<Vec<Execution>>,
    #[schema(value_type = String)]
    created_at: Timestamp,
}

impl From<model::Session> for Session {
    fn from(session: model::Session) -> Self {
        Self {
            id: session.id.as_uuid(),
            project: session.project.as_uuid(),
            owner: session.owner.as_str().to_owned(),
            title: session.title,
            branch: session.branch,
            busy: None,
            executions: None,
            created_at: session.created_at,
        }
    }
}

impl From<SessionView> for Session {
    fn from(view: SessionView) -> Self {
        let executions = view.executions.iter().map(Execution::from).collect();
        Self { busy: Some(view.busy), executions: Some(executions), ..view.session.into() }
    }
}

/// An agent's run with its session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Started {
    pub(crate) session: Uuid,
    pub(crate) execution: Execution,
    pub(crate) title: String,
    pub(crate) branch: String,
}
