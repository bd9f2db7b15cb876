//! The end of a way to another server that cannot be gone.

use crate::error::{Error, Result};
use crate::model::{Desired, Intent, MoveCause, Observed, Problem, ReservationPart, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::converge::pipeline::Step;
use crate::orchestrator::projects::in_use;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

/// What a way's job still holds on the server that was lost is given back.
pub(in crate::orchestrator) fn way_released(row: &Workspace) -> Option<Write> {
    let job = row.desired.switch.and_then(|switch| switch.way()?.job)?;
    Some(Write::Release { holder: job.as_uuid(), part: ReservationPart::Compute })
}

/// What holds a workspace's place on the server that was lost is the workspace's again, and not what it was to have
/// elsewhere: who gives the way up is still there. Nothing where no job holds it.
pub(in crate::orchestrator) fn back_in_its_place(row: &Workspace) -> Vec<Write> {
    let (holder, part) = (row.id.as_uuid(), ReservationPart::Compute);
    let way = row.desired.switch.and_then(|switch| switch.way()).filter(|way| way.cause == MoveCause::Failover);
    let Some((_, server)) = way.and_then(|way| way.job).zip(row.desired.server) else { return Vec::new() };
    let resources = row.desired.claimed.resources.without_disk();
    let place = Write::Reserve { server, holder, part, resources, even_if_cordoned: true };
    way_released(row).into_iter().chain([Write::Release { holder, part }, place]).collect()
}

impl Core {
    /// The workspace stays where its data is, and is again what it was before; its event says why. False when its data
    /// is on the other server already: then there is no way back.
    pub(in crate::orchestrator::converge) async fn stays(
        &self,
        row: &Workspace,
        step: Step,
        error: &Error,
    ) -> Result<bool> {
        let project = self.store.project(row.desired.project).await?.ok_or_else(|| Error::not_found("project"))?;
        if project.copy.as_ref().is_some_and(|copy| Some(copy.server) != row.desired.server) {
            return Ok(false);
        }
        tracing::warn!(workspace = %row.id, step = step.name(), error = error.chain(), "workspace not moved");
        let Some(switch) = row.desired.switch else { return Ok(true) };
        let is_lost = switch.way().is_some_and(|way| way.cause == MoveCause::Failover);
        let problem = Some(Problem::from(error));
        let desired = Desired { switch: None, ..row.desired.clone() };
        let observed = row.observed.clone();
        let (desired, observed) = match (is_lost, switch.start) {
            (true, true) => (
                Desired { intent: Intent::Running, ..desired },
                Observed { status: Status::Lost, waiting: problem, ..observed },
            ),
            (false, true) => (
                Desired {
                    intent: Intent::Running,
                    generation: row.desired.generation + 1,
                    claimed: row.desired.spec.clone(),
                    ..desired
                },
                Observed { status: Status::Starting, waiting: None, ..observed },
            ),
            (_, false) => (desired, Observed { status: Status::Stopping, waiting: None, ..observed }),
        };
        let event = || Write::Append(self.failed_event(row, "workspace.move_failed", step, error));
        let (holder, part) = (row.id.as_uuid(), ReservationPart::Compute);
        let released = Write::Release { holder, part };
        let place = match desired.server.filter(|_| switch.start) {
            // What ran there may run still: its place is held until it does not.
            _ if is_lost => back_in_its_place(row),
            Some(server) => {
                let resources = desired.claimed.resources.without_disk();
                vec![released.clone(), Write::Reserve { server, holder, part, resources, even_if_cordoned: true }]
            }
            None => vec![released.clone()],
        };
        // A job that brings the data there at this moment finds the project changed.
        let turned = |desired, observed, place| {
            let turned = self.turned(row, desired, observed);
            Change::by(self.lease.fence()).with_all(turned).with(in_use(&project)).with_all(place).with(event())
        };
        let back = turned(desired, observed, place);
        match self.commit(back).await? {
            Ok(_) | Err(Refused::Stale { .. }) => return Ok(true),
            Err(Refused::Capacity { .. }) => {}
            Err(refusal) => return Err(refused("workspace", &refusal)),
        }
        // Others have its place by now.
        let desired = Desired { switch: None, ..row.desired.clone() };
        let observed = Observed { status: Status::Stopping, error: Some(Problem::from(error)), ..row.observed.clone() };
        let place = way_released(row).into_iter().chain([released]).collect();
        match self.commit(turned(desired, observed, place)).await? {
            Ok(_) | Err(Refused::Stale { .. }) => Ok(true),
            Err(refusal) => Err(refused("workspace", &refusal)),
        }
    }
}
