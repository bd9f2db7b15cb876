//! What is committed: a claim alone, or all that a create of a workspace records.

use serde_json::json;
use uuid::Uuid;
use workspace_fleet::WorkspaceSpec;
use workspace_fleet::environment::Environment;
use workspace_fleet::event::NewEvent;
use workspace_fleet::id::{AuditId, OwnerId, ProjectId, ServerId, WorkspaceId};
use workspace_fleet::model::{
    AuditEntry, Desired, Fence, IdempotencyRecord, Intent, Observed, PlacementRecord, Project, ReservationPart, Status,
    Workspace,
};
use workspace_fleet::port::{Change, Write};
use workspace_fleet::resources::Resources;

/// What a holder takes.
pub(super) const AMOUNT: Resources = Resources { cpu_millis: 500, memory_mib: 256, disk_gib: 1, slots: 1, gpus: 0 };

/// What one change records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One guarded claim.
    Claim,
    /// What a create records: remembered answer, two claims, project, workspace, network number, event,
    /// entry of the audit log.
    Create,
}

impl Shape {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Create => "create",
        }
    }

    pub(super) fn change(self, env: &Environment, fence: &Fence, server: ServerId) -> Change {
        let holder = env.uuid();
        match self {
            Self::Claim => Change::by(fence).with(reserve(server, holder, ReservationPart::Compute, AMOUNT)),
            Self::Create => create(env, fence, server, holder),
        }
    }
}

fn reserve(server: ServerId, holder: Uuid, part: ReservationPart, resources: Resources) -> Write {
    Write::Reserve { server, holder, part, resources, even_if_cordoned: false }
}

fn create(env: &Environment, fence: &Fence, server: ServerId, id: Uuid) -> Change {
    let (project, owner, at) = (env.uuid(), OwnerId::new("anna"), env.now());
    let workspace = WorkspaceId::from_uuid(id);
    let spec = WorkspaceSpec { image: "workspace-base".to_owned(), resources: AMOUNT, ..WorkspaceSpec::default() };
    let desired = Desired {
        name: id.to_string(),
        project: ProjectId::from_uuid(project),
        spec: spec.clone(),
        claimed: spec,
        intent: Intent::Running,
        generation: 1,
        server: Some(server),
        network_slot: None,
        placement: PlacementRecord::default(),
        switch: None,
        forget: false,
    };
    let row = Workspace {
        id: workspace,
        owner: owner.clone(),
        desired,
        observed: Observed::new(Status::Pending),
        revision: 1,
        driver: fence.clone(),
        created_at: at,
        updated_at: at,
    };
    let project_row = Project::new(ProjectId::from_uuid(project), owner.clone(), None, None, at);
    let event = NewEvent { parent: id, at, kind: "workspace.created".to_owned(), data: json!({ "name": id }) };
    let entry = AuditEntry {
        id: AuditId::from_uuid(env.uuid()),
        at,
        owner: owner.clone(),
        token: None,
        action: "workspace.create".to_owned(),
        subject: id,
        name: Some(id.to_string()),
    };
    let remembered = IdempotencyRecord { owner, key: id.to_string(), request_hash: [7; 32], resource: id, at };
    Change::by(fence)
        .with(Write::Remember(remembered))
        .with(reserve(server, id, ReservationPart::Compute, AMOUNT.without_disk()))
        .with(reserve(server, project, ReservationPart::Storage, AMOUNT.only_disk()))
        .with(Write::InsertProject(project_row))
        .with(Write::InsertWorkspace(Box::new(row)))
        .with(Write::AllotNetwork { server, workspace, from: 0 })
        .with(Write::Append(event))
        .with(Write::Audit(entry))
}
