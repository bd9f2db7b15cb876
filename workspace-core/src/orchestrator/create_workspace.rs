//! Making a workspace.

use serde_json::json;

use crate::error::{Error, Result};
use crate::id::{OwnerId, ProjectId, WorkspaceId};
use crate::model::{
    Desired, Intent, Observed, PlacementRecord, Project, ProjectCopy, ReservationPart, Scope, Status, StrategyKind,
    Workspace, WorkspaceSpec,
};
use crate::orchestrator::mounted::check_type;
use crate::orchestrator::projects::in_use;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::workspaces::Idempotency;
use crate::orchestrator::{Caller, Core, Orchestrator, Template, validate};
use crate::placement::{Decision, PlacementRequest};
use crate::port::{Change, Outcome, Refused, Write};
use crate::resources::{Dimension, Resources};

/// A workspace to make.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewWorkspace {
    /// The name, unique per owner.
    pub name: String,
    /// For whom; only administrators may act for others.
    pub owner: Option<OwnerId>,
    /// The project to mount at `/workspace`; an unnamed one is made when absent, and deleted with the workspace.
    pub project: Option<ProjectId>,
    /// What to run. What a template (`spec.template`) says is taken where this is empty.
    pub spec: WorkspaceSpec,
}

impl NewWorkspace {
    /// A workspace of this name that runs an image.
    pub fn new(name: impl Into<String>, image: impl Into<String>) -> Self {
        let spec = WorkspaceSpec { image: image.into(), ..WorkspaceSpec::default() };
        Self { name: name.into(), spec, ..Self::default() }
    }
}

impl Orchestrator {
    /// Records a workspace with its capacity held and starts to make it. Answers as soon as it is recorded; see
    /// [`Orchestrator::wait`].
    ///
    /// # Errors
    /// Nothing is made when it fails: `Invalid`, `NameTaken`, `NotFound` (the project), `Conflict` (the project has a
    /// workspace), `NoHealthyServers`, `InsufficientCapacity`, `IdempotencyMismatch`.
    pub async fn create_workspace(
        &self,
        caller: &Caller,
        new: NewWorkspace,
        idempotency: Option<Idempotency>,
    ) -> Result<Workspace> {
        caller.require(Scope::WorkspacesWrite)?;
        let core = &self.core;
        loop {
            let draft = core.draft(caller, new.clone()).await?;
            let record = idempotency.clone().map(|idempotency| {
                idempotency.record(caller.owner_id().clone(), draft.workspace.id.as_uuid(), core.env.now())
            });
            if let Some(known) = core.remembered(record.as_ref()).await? {
                return self.workspace(caller, WorkspaceId::from_uuid(known)).await;
            }
            let claimed = core
                .claim(draft.strategy(), draft.request(), |decision| {
                    // First, so that a repeat at the same time is told from a name that is taken.
                    draft.change(core, decision, record.clone().map(Write::Remember))
                })
                .await?;
            let (decision, outcome) = match claimed {
                Ok(claimed) => claimed,
                Err(Refused::Remembered(other)) => {
                    let known = Idempotency::same(&other, record.as_ref())?;
                    return self.workspace(caller, WorkspaceId::from_uuid(known)).await;
                }
                // Somebody began to use the project, or gave it other data.
                Err(Refused::Stale { .. }) => continue,
                Err(refusal) => return Err(refused("workspace", &refusal)),
            };
            let workspace = draft.recorded(&decision, &outcome);
            core.drive(workspace.id);
            return Ok(workspace);
        }
    }
}

/// A workspace that is complete but for its place.
pub(super) struct Draft {
    workspace: Workspace,
    project: Project,
    /// Whether the project is made with the workspace.
    new_project: bool,
    /// Its entry in the audit log.
    entry: Write,
}

impl Core {
    pub(super) async fn draft(&self, caller: &Caller, new: NewWorkspace) -> Result<Draft> {
        validate::name("name", &new.name)?;
        let owner = caller.acting_for(new.owner)?;
        let mut spec = self.with_template(new.spec)?;
        validate::spec(&spec)?;
        if spec.placement.strategy.is_none() && spec.placement.server.is_some() {
            spec.placement.strategy = Some(StrategyKind::Affinity);
        }
        let strategy = *spec.placement.strategy.get_or_insert(self.config.strategy);
        tracing::debug!(?strategy, name = new.name, "drafting workspace");
        let now = self.env.now();
        let project = match new.project {
            Some(id) => self.project_of(caller, id).await?,
            None => Project::new(ProjectId::from_uuid(self.env.uuid()), owner.clone(), None, None, now),
        };
        if project.owner != owner {
            return Err(Error::not_found("project"));
        }
        check_type(&project, spec.template.as_deref())?;
        let desired = Desired {
            name: new.name,
            project: project.id,
            claimed: spec.clone(),
            spec,
            intent: Intent::Running,
            generation: 1,
            server: None,
            network_slot: None,
            placement: PlacementRecord::default(),
            switch: None,
            forget: false,
        };
        let workspace = Workspace {
            id: WorkspaceId::from_uuid(self.env.uuid()),
            owner,
            desired,
            observed: Observed::new(Status::Pending),
            revision: 1,
            driver: self.lease.fence().clone(),
            created_at: now,
            updated_at: now,
        };
        let entry =
            self.audit_entry(caller.asks("workspace.create"), workspace.id.as_uuid(), Some(&workspace.desired.name));
        Ok(Draft { workspace, project, new_project: new.project.is_none(), entry })
    }

    /// The template of this name.
    pub(super) fn check_template(&self, field: &str, name: Option<&str>) -> Result<Option<&Template>> {
        let Some(name) = name else { return Ok(None) };
        let template = self.config.templates.get(name).ok_or_else(|| {
            let known: Vec<_> = self.config.templates.keys().map(String::as_str).collect();
            Error::invalid(field, format!("no such type {name:?}"))
                .hint(format!("types are: {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") }))
        })?;
        Ok(Some(template))
    }

    /// The spec with what its template and the configuration say where it says nothing itself.
    pub(super) fn with_template(&self, mut spec: WorkspaceSpec) -> Result<WorkspaceSpec> {
        if let Some(template) = self.check_template("type", spec.template.as_deref())? {
            if spec.image.is_empty() {
                spec.image.clone_from(&template.image);
            }
            if spec.command.is_empty() {
                spec.command.clone_from(&template.command);
            }
            if spec.ports.is_empty() {
                spec.ports.clone_from(&template.ports);
            }
            spec.resources = or_default(spec.resources, template.resources);
        }
        spec.resources = or_default(spec.resources, self.config.default_resources);
        spec.resources.slots = 1;
        Ok(spec)
    }
}

/// Zero means "not said".
fn or_default(asked: Resources, default: Resources) -> Resources {
    asked.zip(default, |asked, default| if asked == 0 { default } else { asked })
}

impl Draft {
    pub(super) fn strategy(&self) -> StrategyKind {
        self.workspace.desired.spec.placement.strategy.unwrap_or_default()
    }

    pub(super) fn request(&self) -> PlacementRequest {
        let spec = &self.workspace.desired.spec;
        let wish = PlacementRequest {
            resources: spec.resources,
            labels: spec.placement.requirements(),
            server: spec.placement.server.clone(),
            required: spec.placement.required,
            even_if_cordoned: false,
            excluded: std::collections::BTreeSet::default(),
        };
        match &self.project.copy {
            None => wish,
            // The data decides: its disk is reserved already.
            Some(copy) => PlacementRequest {
                resources: spec.resources.without_disk(),
                server: Some(copy.server.to_string()),
                required: true,
                even_if_cordoned: true,
                ..wish
            },
        }
    }

    fn placed(&self, decision: &Decision) -> Workspace {
        let mut workspace = self.workspace.clone();
        workspace.desired.server = Some(decision.server);
        workspace.desired.placement = decision.record.clone();
        workspace
    }

    /// The row as it was recorded.
    pub(super) fn recorded(&self, decision: &Decision, outcome: &Outcome) -> Workspace {
        let mut workspace = self.placed(decision);
        workspace.desired.network_slot = outcome.network_slot;
        workspace
    }

    pub(super) fn change(&self, core: &Core, decision: &Decision, remember: Option<Write>) -> Change {
        let workspace = self.placed(decision);
        let (id, resources) = (workspace.id, workspace.desired.spec.resources);
        let copy = ProjectCopy { filled: self.project.begins_empty(), ..self.project.new_copy(decision.server) };
        let project = Project { copy: self.project.copy.clone().or(Some(copy)), ..self.project.clone() };
        // Also where nothing of it changes: see `in_use`.
        let project_write = if self.new_project { Write::InsertProject(project) } else { in_use(&project) };
        let data = json!({
            "name": workspace.desired.name, "server": decision.server_name,
            "strategy": decision.record.strategy, "reason": decision.record.reason,
        });
        let event = core.event(id.as_uuid(), "workspace.created", data);
        let reserve = |holder, part, resources| Write::Reserve {
            server: decision.server,
            holder,
            part,
            resources,
            even_if_cordoned: self.project.copy.is_some(),
        };
        let disk = resources.only_disk();
        Change::by(core.lease.fence())
            .with_all(remember)
            .with(reserve(id.as_uuid(), ReservationPart::Compute, resources.without_disk()))
            .with_all(
                (disk.get(Dimension::Disk) > 0)
                    .then(|| reserve(self.project.id.as_uuid(), ReservationPart::Storage, disk)),
            )
            .with(project_write)
            .with(Write::InsertWorkspace(Box::new(workspace)))
            .with(Write::AllotNetwork { server: decision.server, workspace: id, from: core.first_network() })
            .with(Write::Append(event))
            .with(self.entry.clone())
    }
}
