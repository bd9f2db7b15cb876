//! What becomes of the copy that a job was to fill.

use crate::error::{Error, ErrorKind, Result};
use crate::id::WorkspaceId;
use crate::model::{
    AbandonedJob, Intent, Job, Move, MoveCause, Problem, Project, ProjectCopy, Rescue, ReservationPart, StepReport,
    Workspace,
};
use crate::orchestrator::Core;
use crate::port::Write;
use crate::resources::Resources;

/// What becomes of the copy that a job was to fill.
pub(super) enum Fate {
    /// The job worked on a copy that was filled before.
    Unchanged,
    /// It is the current one, and whole from now on.
    Filled,
    /// It is the current one, and still not whole: the next start tries again.
    StillEmpty,
    /// It is whole, and becomes the current one. The one before is kept for rescue where it may have what no snapshot
    /// has: what this workspace wrote on a server that was lost.
    Succeeds { rescue: Option<WorkspaceId> },
    /// It never became whole, and is removed. On the way from a server that was lost, what the job holds there stays
    /// held until the way has ended: what runs there may run on.
    Discarded { keeps_place: bool },
    /// It is whole and is removed all the same: the current one is in use, and stays.
    InTheWay(Problem),
}

impl Fate {
    /// Gives back what a job held for the run of an agent, or for a copy that was being made elsewhere.
    pub(super) fn released(&self, job: &Job) -> Vec<Write> {
        let holder = job.id.as_uuid();
        let compute = Write::Release { holder, part: ReservationPart::Compute };
        let storage = Write::Release { holder, part: ReservationPart::Storage };
        match self {
            Self::Discarded { keeps_place: true } => vec![storage],
            _ => vec![compute, storage],
        }
    }
}

impl Core {
    /// A copy counts as filled, and as the current one, only when it is whole and no workspace uses the one before.
    /// Whoever begins to use a copy counts the project's revision up, so this is still so when it is committed.
    pub(super) async fn fate_of_copy(&self, job: &Job, project: &Project) -> Result<Fate> {
        if job.copy.filled {
            return Ok(Fate::Unchanged);
        }
        let filled =
            |report: &StepReport| matches!(report.step.as_str(), "clone" | "restore") && report.error.is_none();
        let is_current = project.copy.as_ref().is_some_and(|copy| copy.data_generation == job.copy.data_generation);
        // A first copy may begin empty; one that is to take the place of another never does.
        let begins_empty = is_current && project.begins_empty() && job.seen > 0;
        let is_whole = job.reports.iter().any(filled) || begins_empty;
        if is_current {
            return Ok(if is_whole { Fate::Filled } else { Fate::StillEmpty });
        }
        let workspace = self.workspace_with(project.id).await?;
        let way = workspace.as_ref().and_then(|workspace| way_of(job, workspace));
        let left = way.filter(|way| way.cause == MoveCause::Failover).and(workspace.as_ref().map(|row| row.id));
        if !is_whole {
            return Ok(Fate::Discarded { keeps_place: left.is_some() });
        }
        let in_use = workspace.filter(|_| way.is_none());
        Ok(match in_use.and_then(|workspace| obstacle(job, project, &workspace)) {
            Some(error) => Fate::InTheWay(Problem::from(&error)),
            None => Fate::Succeeds { rescue: left },
        })
    }

    /// The writes that make a fate so, and remember a job whose program may still run.
    pub(super) async fn carry_out(
        &self,
        fate: &Fate,
        job: &Job,
        abandoned: bool,
        project: &Project,
    ) -> Result<Vec<Write>> {
        let mut next = project.clone();
        let mut writes = Vec::new();
        next.abandoned.extend(abandoned.then_some(AbandonedJob { server: job.copy.server, job: job.id }));
        match fate {
            Fate::Unchanged if !abandoned => return Ok(writes),
            Fate::Unchanged => {}
            Fate::Filled => next.copy = project.copy.clone().map(|copy| ProjectCopy { filled: true, ..copy }),
            Fate::StillEmpty => next.copy = project.copy.clone().map(|copy| ProjectCopy { filled_by: None, ..copy }),
            Fate::Succeeds { rescue } => {
                writes = self.storage_moved(project, job).await?;
                match (project.copy.clone(), *rescue) {
                    (Some(copy), Some(workspace)) => {
                        writes.extend(self.kept_for_rescue(project, &copy, job).await?);
                        next.rescues.push(Rescue { copy, workspace, holder: job.id.as_uuid(), snapshot: None });
                    }
                    (former, _) => next.superseded.extend(former),
                }
                next.copy = Some(ProjectCopy { filled: true, filled_by: Some(job.id), ..job.copy.clone() });
            }
            Fate::Discarded { .. } | Fate::InTheWay(_) => next.superseded.push(job.copy.clone()),
        }
        writes.push(Write::UpdateProject { expected: project.revision, project: next });
        Ok(writes)
    }

    /// What a former copy on a server that is away takes there stays held: its container may run on, and its volume
    /// stays until it is rescued.
    async fn kept_for_rescue(&self, project: &Project, copy: &ProjectCopy, job: &Job) -> Result<Vec<Write>> {
        let (server, holder) = (copy.server, job.id.as_uuid());
        let held = [
            (ReservationPart::Compute, self.held(server, holder, ReservationPart::Compute).await?),
            (ReservationPart::Storage, self.held(server, project.id.as_uuid(), ReservationPart::Storage).await?),
        ];
        let held = held.into_iter().filter(|(_, resources)| !resources.is_zero());
        let keep = |(part, resources)| Write::Reserve { server, holder, part, resources, even_if_cordoned: true };
        Ok(held.map(keep).collect())
    }

    /// The disk of a project follows its current copy.
    async fn storage_moved(&self, project: &Project, job: &Job) -> Result<Vec<Write>> {
        let Some(from) = project.copy.as_ref().filter(|copy| copy.server != job.copy.server) else {
            return Ok(Vec::new());
        };
        let (holder, part) = (project.id.as_uuid(), ReservationPart::Storage);
        let resources = self.held(from.server, holder, part).await?;
        if resources == Resources::default() {
            return Ok(Vec::new());
        }
        let server = job.copy.server;
        let reserve = Write::Reserve { server, holder, part, resources, even_if_cordoned: true };
        Ok(vec![Write::Release { holder, part }, reserve])
    }
}

/// The way to another server that a job is a part of.
fn way_of(job: &Job, workspace: &Workspace) -> Option<Move> {
    let way = workspace.desired.switch.and_then(|switch| switch.way());
    way.filter(|way| way.job == Some(job.id) && workspace.desired.intent == Intent::Stopped)
}

/// Why a workspace does not let the copy that was made become the current one.
fn obstacle(job: &Job, project: &Project, workspace: &Workspace) -> Option<Error> {
    let name = &workspace.desired.name;
    if workspace.desired.intent == Intent::Running {
        let message = format!("workspace {name} was started while the data was brought back; nothing was changed");
        return Some(Error::new(ErrorKind::Conflict, message).hint("stop the workspace, and restore again"));
    }
    let moves = project.copy.as_ref().is_some_and(|copy| copy.server != job.copy.server);
    moves.then(|| {
        let message = format!("workspace {name} took the project while its data was brought to another server");
        Error::new(ErrorKind::Conflict, format!("{message}; nothing was changed"))
            .hint("delete the workspace first: the data of a named project stays; or restore where the data is")
    })
}
