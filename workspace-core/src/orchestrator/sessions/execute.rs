//! Running an agent.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::event::NewEvent;
use crate::id::{ProjectId, SessionId};
use crate::model::{AgentKind, AgentWork, Job, OnSuccess, Project, ProjectCopy, ReservationPart, Scope, Session, Work};
use crate::orchestrator::jobs::{NewJob, git_source};
use crate::orchestrator::projects::in_use;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::sessions::name;
use crate::orchestrator::workspaces::Idempotency;
use crate::orchestrator::{Caller, Core, Orchestrator, validate};
use crate::placement::PlacementRequest;
use crate::port::{Change, Refused, Write};
use crate::resources::{Dimension, Resources};
use crate::secret::Secret;

/// The longest prompt, in bytes.
const PROMPT: usize = 256 << 10;

/// The most that an agent may be given, in seconds.
const LONGEST: u64 = 24 * 60 * 60;

/// Which agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentRequest {
    /// What it is.
    pub kind: AgentKind,
    /// The image that it runs in.
    pub image: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The wall-clock limit in seconds; ten minutes when absent.
    pub time_limit_seconds: Option<u64>,
}

/// An agent to run.
#[derive(Clone, Debug, Default)]
pub struct NewExecution {
    /// The session that goes on; a new one when absent.
    pub session: Option<SessionId>,
    /// The project of a new session.
    pub project: Option<ProjectId>,
    /// What it is asked to do.
    pub prompt: String,
    /// Which agent.
    pub agent: AgentRequest,
    /// What it may use; the fleet's default where zero.
    pub resources: Resources,
    /// What its process finds in its environment, and nobody else anywhere.
    pub credentials: BTreeMap<String, Secret>,
    /// What is done when it ended well.
    pub on_success: OnSuccess,
}

/// An agent's run and its session.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// The session.
    pub session: Session,
    /// The run.
    pub job: Job,
    /// The number of the session's last event before the run.
    pub after: u64,
}

impl Orchestrator {
    /// Records the run of an agent with its capacity held, and starts it. Answers as soon as it is recorded: what goes
    /// on is told by [`Orchestrator::session_events`], and goes on whoever listens.
    ///
    /// # Errors
    /// Nothing runs when it fails: `Invalid`, `NotFound`, `ProjectBusy` and `Conflict` (the session is busy),
    /// `NoHealthyServers`, `InsufficientCapacity`, `IdempotencyMismatch`.
    pub async fn execute(
        &self,
        caller: &Caller,
        new: NewExecution,
        idempotency: Option<Idempotency>,
    ) -> Result<Execution> {
        caller.require(Scope::SessionsWrite)?;
        loop {
            if let Some(execution) = self.core.try_execute(caller, &new, idempotency.clone()).await? {
                return Ok(execution);
            }
        }
    }
}

impl Core {
    /// `None` when the project was changed since it was read.
    async fn try_execute(
        self: &Arc<Self>,
        caller: &Caller,
        new: &NewExecution,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<Execution>> {
        let (project, session) = self.session_for(caller, new).await?;
        let work = self.agent_work(new, &project)?;
        let copy = project.copy.clone();
        let is_new = new.session.is_none();
        let job = self.job_row(NewJob {
            project: &project,
            copy: copy.clone().unwrap_or(NO_COPY),
            session: Some(session.id),
            finishes: None,
            work: Work::Agent(work.clone()),
        });
        let record = idempotency.map(|key| key.record(caller.owner_id().clone(), job.id.as_uuid(), self.env.now()));
        if let Some(known) = self.remembered(record.as_ref()).await? {
            return self.execution(caller, known).await.map(Some);
        }
        let entry = self.audit_entry(caller.asks("session.execute"), session.id.as_uuid(), Some(&session.title));
        let beside = record.clone().map(Write::Remember).into_iter().chain([entry]).collect();
        let draft = Draft { project, session, is_new, copy, job, work, beside };
        self.credentials.keep(draft.job.id, new.credentials.clone());
        let claimed = self.claim(self.config.strategy, draft.request(), |decision| draft.change(self, decision.server));
        let claimed = claimed.await;
        if matches!(claimed, Ok(Err(_))) {
            self.credentials.forget(draft.job.id);
        }
        match claimed? {
            Ok((decision, outcome)) => {
                self.drive_job(draft.job.id);
                let after = outcome.events.first().map_or(0, |event| event.seq - 1);
                Ok(Some(Execution { job: draft.placed(decision.server), session: draft.session, after }))
            }
            Err(Refused::Remembered(other)) => {
                let known = Idempotency::same(&other, record.as_ref())?;
                self.execution(caller, known).await.map(Some)
            }
            Err(Refused::Stale { .. }) => Ok(None),
            Err(Refused::InUse) => Err(Error::new(ErrorKind::ProjectBusy, "an agent runs in the session")
                .hint("wait until it has ended, or cancel it")),
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }
}

/// Stands where the server is not decided yet.
const NO_COPY: ProjectCopy = ProjectCopy {
    server: crate::id::ServerId::from_uuid(uuid::Uuid::nil()),
    data_generation: 1,
    filled: false,
    filled_by: None,
};

impl Core {
    /// The session that an agent runs in, and its project.
    async fn session_for(&self, caller: &Caller, new: &NewExecution) -> Result<(Project, Session)> {
        if let Some(id) = new.session {
            let session = self.session_of(caller, id).await?;
            if new.project.is_some_and(|project| project != session.project) {
                return Err(Error::invalid("project", "the session is about another project")
                    .hint("leave out `project`, or begin a new session"));
            }
            let project = self.project_of(caller, session.project).await?;
            return Ok((project, session));
        }
        let id = new.project.ok_or_else(|| {
            Error::invalid("project", "a new session needs a project").hint("give the id of a project")
        })?;
        let project = self.project_of(caller, id).await?;
        let id = SessionId::from_uuid(self.env.uuid());
        let title = name::named(self.namer.as_ref(), &new.prompt).await;
        let branch = name::branch(&title, id.as_uuid());
        let (owner, created_at) = (project.owner.clone(), self.env.now());
        Ok((project.clone(), Session { id, owner, project: project.id, title, branch, created_at }))
    }

    fn agent_work(&self, new: &NewExecution, project: &Project) -> Result<AgentWork> {
        if new.prompt.trim().is_empty() || new.prompt.len() > PROMPT {
            return Err(Error::invalid("prompt", "the prompt is empty or longer than 256 KiB"));
        }
        validate::image(&new.agent.image)?;
        validate::command(&new.agent.argv)?;
        if new.agent.argv.is_empty() {
            return Err(Error::invalid("agent.argv", "a program is needed").hint("such as [\"sh\", \"-c\", \"..\"]"));
        }
        for name in new.credentials.keys() {
            let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(fine) || name.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(Error::invalid("credentials", format!("{name:?} is no name of an environment variable")));
            }
        }
        let limit = new.agent.time_limit_seconds.unwrap_or(600);
        if !(1..=LONGEST).contains(&limit) {
            return Err(Error::invalid("agent.timeout", "the limit must be between a second and a day"));
        }
        if new.on_success.push {
            git_source(project)?;
        }
        if new.on_success.snapshot {
            self.storage()?;
        }
        validate::resources("resources", &new.resources)?;
        let or_default = |asked, default| if asked == 0 { default } else { asked };
        let resources = new.resources.zip(self.config.default_resources, or_default);
        Ok(AgentWork {
            prompt: new.prompt.clone(),
            kind: new.agent.kind,
            image: new.agent.image.clone(),
            argv: new.agent.argv.clone(),
            time_limit_seconds: limit,
            resources: Resources { slots: 1, ..resources },
            has_credentials: !new.credentials.is_empty(),
            on_success: new.on_success,
        })
    }

    async fn execution(&self, caller: &Caller, job: uuid::Uuid) -> Result<Execution> {
        let job = self.store.job(crate::id::JobId::from_uuid(job)).await?;
        let job = job.filter(|job| caller.may_see(&job.owner)).ok_or_else(|| Error::not_found("execution"))?;
        let session = job.session.ok_or_else(|| Error::not_found("session"))?;
        Ok(Execution { session: self.session_of(caller, session).await?, job, after: 0 })
    }
}

/// An execution before it is recorded.
struct Draft {
    project: Project,
    session: Session,
    is_new: bool,
    /// The copy that there is already.
    copy: Option<ProjectCopy>,
    job: Job,
    work: AgentWork,
    /// The answer to remember, and the entry in the audit log.
    beside: Vec<Write>,
}

impl Draft {
    fn request(&self) -> PlacementRequest {
        match &self.copy {
            None => PlacementRequest { resources: self.work.resources, ..PlacementRequest::default() },
            // The data decides: its disk is reserved already.
            Some(copy) => PlacementRequest {
                resources: self.work.resources.without_disk(),
                server: Some(copy.server.to_string()),
                required: true,
                even_if_cordoned: true,
                ..PlacementRequest::default()
            },
        }
    }

    fn placed(&self, server: crate::id::ServerId) -> Job {
        let first = ProjectCopy { filled_by: Some(self.job.id), ..self.project.new_copy(server) };
        Job { copy: self.copy.clone().unwrap_or(first), ..self.job.clone() }
    }

    fn change(&self, core: &Arc<Core>, server: crate::id::ServerId) -> Change {
        let job = self.placed(server);
        let (id, at) = (self.session.id.as_uuid(), core.env.now());
        let event = |kind: &str, data| Write::Append(NewEvent { parent: id, at, kind: kind.to_owned(), data });
        let reserve = |holder, part, resources| Write::Reserve {
            server,
            holder,
            part,
            resources,
            even_if_cordoned: self.copy.is_some(),
        };
        let disk = self.work.resources.only_disk();
        let new_copy = self.copy.is_none();
        let mut writes = self.beside.clone();
        writes.push(reserve(job.id.as_uuid(), ReservationPart::Compute, self.work.resources.without_disk()));
        if new_copy && disk.get(Dimension::Disk) > 0 {
            writes.push(reserve(self.project.id.as_uuid(), ReservationPart::Storage, disk));
        }
        writes.push(in_use(&Project { copy: Some(job.copy.clone()), ..self.project.clone() }));
        if self.is_new {
            writes.push(Write::InsertSession(self.session.clone()));
            let (title, branch) = (&self.session.title, &self.session.branch);
            writes.push(event("session.named", json!({ "title": title, "branch": branch })));
        }
        let started = json!({ "execution": job.id, "prompt": self.work.prompt, "image": self.work.image });
        writes.push(Write::InsertJob(Box::new(job)));
        writes.push(event("execution.started", started));
        Change::by(core.lease.fence()).with_all(writes)
    }
}
