//! What must be so when everything is at rest: rows, reservations and servers tell the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use crate::id::{ProjectId, ServerId, WorkspaceId};
use crate::model::{Intent, Project, ProjectCopy, ReservationPart, ServerState, Status, Workspace};
use crate::port::{JobFilter, ObjectKind, ObjectLabels, PageRequest, StateStore};
use crate::resources::Resources;
use crate::testing::sim::World;
use crate::testing::sim::machine::{Container, Machine, read};
use crate::testing::sim::run::history::rows;

/// How long after its time a workspace may still be there: until the next pass over all, and its deletion.
const EXPIRY: Duration = Duration::from_secs(30);

/// The rows of a fleet at one moment.
struct Rows {
    workspaces: BTreeMap<WorkspaceId, Workspace>,
    projects: BTreeMap<ProjectId, Project>,
    servers: Vec<ServerState>,
    jobs: BTreeSet<Uuid>,
    held: BTreeMap<(ServerId, Uuid, ReservationPart), Resources>,
}

/// Everything in which rows and servers differ; empty when the fleet has converged.
pub(super) async fn differences(world: &World, store: &dyn StateStore) -> Vec<String> {
    let rows = Rows::read(store).await;
    let mut differences = Vec::new();
    for row in rows.workspaces.values() {
        if !row.is_settled() {
            let (status, waiting) = (row.observed.status.name(), row.observed.waiting.as_ref());
            let waiting = waiting.map_or("nothing", |problem| problem.message.as_str());
            differences
                .push(format!("I4 {} is {status}, wanted {:?}, waits for {waiting}", row.id, row.desired.intent));
        }
    }
    for row in rows.workspaces.values() {
        let age = world.now().since(row.created_at);
        if row.desired.spec.ttl_seconds.is_some_and(|ttl| age >= Duration::from_secs(ttl) + EXPIRY) {
            differences.push(format!("I4 {} outlived its time to live", row.id));
        }
    }
    for job in &rows.jobs {
        differences.push(format!("I4 job {job} is not finished"));
    }
    rows.reservations(&mut differences);
    for server in &rows.servers {
        let name = server.record.spec.endpoint.trim_start_matches("sim://");
        world.look(name, |machine| rows.compare(server.record.id, machine, &mut differences));
    }
    differences
}

/// The volumes with data that are no current copy. Data is never swept, so that these are counted.
pub(super) async fn unknown_volumes(world: &World, store: &dyn StateStore) -> u64 {
    let rows = Rows::read(store).await;
    let unknown = |machine: &mut Machine| {
        let known = |name: &String| {
            rows.projects
                .values()
                .any(|project| project.copy.as_ref().map(|copy| project.volume_name(copy)).as_ref() == Some(name))
        };
        let data = machine
            .volumes
            .iter()
            .filter(|(_, volume)| read(&volume.labels).is_some_and(|labels| labels.kind == ObjectKind::Project));
        let names = data.map(|(name, _)| name);
        names.filter(|name| !machine.foreign.contains(*name) && !known(name)).count() as u64
    };
    world.servers().iter().filter_map(|server| world.look(server, unknown)).sum()
}

impl Rows {
    async fn read(store: &dyn StateStore) -> Self {
        let all = PageRequest { after: None, limit: 10_000 };
        let projects = store.projects(None, all).await.map(|page| page.items).unwrap_or_default();
        let servers = store.servers().await.unwrap_or_default();
        let mut held = BTreeMap::new();
        for server in &servers {
            for one in store.reservations(server.record.id, false).await.unwrap_or_default() {
                held.insert((one.server, one.holder, one.part), one.resources);
            }
        }
        let unfinished = JobFilter { finished: Some(false), ..JobFilter::default() };
        let jobs = store.jobs(&unfinished, all).await.map(|page| page.items).unwrap_or_default();
        Self {
            jobs: jobs.into_iter().map(|job| job.id.as_uuid()).collect(),
            workspaces: rows(store).await.into_iter().map(|row| (row.id, row)).collect(),
            projects: projects.into_iter().map(|project| (project.id, project)).collect(),
            servers,
            held,
        }
    }

    /// What runs holds at least what it may use, what does not run holds nothing, and nobody else holds anything.
    fn reservations(&self, differences: &mut Vec<String>) {
        for (&(_, holder, part), amount) in &self.held {
            let known = match part {
                ReservationPart::Storage => self.projects.contains_key(&ProjectId::from_uuid(holder)),
                ReservationPart::Compute => self
                    .workspaces
                    .get(&WorkspaceId::from_uuid(holder))
                    .is_some_and(|row| row.desired.intent == Intent::Running),
            };
            let mut rescues = self.projects.values().flat_map(|project| &project.rescues);
            if !known && !self.jobs.contains(&holder) && !rescues.any(|rescue| rescue.holder == holder) {
                differences.push(format!("I2 {holder} holds {part:?} {amount:?} for nothing"));
            }
        }
        for row in self.workspaces.values() {
            let Some(server) = row.desired.server else { continue };
            let compute = self.held.get(&(server, row.id.as_uuid(), ReservationPart::Compute));
            let wanted = row.desired.claimed.resources.without_disk();
            let enough = compute.is_some_and(|held| wanted.first_over(held).is_none());
            if row.observed.status == Status::Running && !enough {
                differences.push(format!("I1 {} runs with {wanted:?} and holds {compute:?}", row.id));
            }
            if !self.held.contains_key(&(server, row.desired.project.as_uuid(), ReservationPart::Storage)) {
                differences.push(format!("I1 the disk of {} is not held", row.id));
            }
        }
    }

    fn compare(&self, here: ServerId, machine: &Machine, differences: &mut Vec<String>) {
        let of_job = |container: &Container| read(&container.labels).is_some_and(|one| one.kind == ObjectKind::Job);
        for (name, _) in machine.containers.iter().filter(|(_, container)| of_job(container)) {
            differences.push(format!("I2 container {name} is of a job that is over"));
        }
        for (name, container) in &machine.containers {
            let Some(labels) = read(&container.labels).filter(|labels| labels.kind == ObjectKind::Workspace) else {
                continue;
            };
            if container.is_foreign() {
                continue;
            }
            match self.workspace(here, &labels) {
                None => differences.push(format!("I2 container {name} has no row")),
                Some(row) if container.is_running() => {
                    if row.observed.status != Status::Running || labels.generation != row.observed.generation {
                        differences.push(format!("I3 {name} runs, and its row is {}", row.observed.status.name()));
                    }
                }
                Some(row) => {
                    if !(row.observed.generation..=row.desired.generation).contains(&labels.generation) {
                        differences.push(format!("I2 {name} is of another generation than its row"));
                    }
                }
            }
        }
        for name in machine.networks.keys().filter(|name| !machine.foreign.contains(*name)) {
            let known =
                self.workspaces.values().any(|row| &row.network_name() == name && row.desired.server == Some(here));
            if !known {
                differences.push(format!("I2 network {name} has no row"));
            }
        }
        let of_nobody = |subject| !self.projects.contains_key(&ProjectId::from_uuid(subject));
        for (name, volume) in machine.volumes.iter().filter(|(name, _)| !machine.foreign.contains(*name)) {
            let Some(labels) = read(&volume.labels) else { continue };
            match labels.kind {
                ObjectKind::Project if of_nobody(labels.subject) => {
                    differences.push(format!("I2 the data in {name} has no project"));
                }
                ObjectKind::Cache if !self.has_copy(&labels, here) => {
                    differences.push(format!("I2 {name} is beside no copy"));
                }
                ObjectKind::Project if volume.tree.is_empty() && !self.has_copy(&labels, here) => {
                    differences.push(format!("I2 {name} is empty, and no copy"));
                }
                _ => {}
            }
        }
        for row in self.workspaces.values().filter(|row| row.desired.server == Some(here)) {
            self.compare_row(row, machine, differences);
        }
    }

    fn has_copy(&self, labels: &ObjectLabels, here: ServerId) -> bool {
        let of_it = |copy: &ProjectCopy| copy.server == here && copy.data_generation == labels.generation;
        self.projects.get(&ProjectId::from_uuid(labels.subject)).is_some_and(|project| project.copies().any(of_it))
    }

    fn compare_row(&self, row: &Workspace, machine: &Machine, differences: &mut Vec<String>) {
        let current = row.container_name(row.observed.generation);
        let ours = |container: &&Container| container.is_running() && !container.is_foreign();
        let runs = machine.containers.get(&current).as_ref().is_some_and(ours);
        if row.observed.status == Status::Running && !runs {
            differences.push(format!("I2 {current} does not run, and its row says so"));
        }
        if row.observed.generation == 0 {
            return;
        }
        let project = self.projects.get(&row.desired.project);
        let volume = project.and_then(|project| Some(project.volume_name(project.copy.as_ref()?)));
        let labels = volume.as_ref().and_then(|name| machine.volumes.get(name)).and_then(|there| read(&there.labels));
        if labels.is_none_or(|labels| labels.subject != row.desired.project.as_uuid()) {
            differences.push(format!("I2 {} ran, and its volume is gone", row.id));
        }
        if !machine.networks.contains_key(&row.network_name()) {
            differences.push(format!("I2 {} ran, and its network is gone", row.id));
        }
    }

    fn workspace(&self, here: ServerId, labels: &ObjectLabels) -> Option<&Workspace> {
        let row = self.workspaces.get(&WorkspaceId::from_uuid(labels.subject));
        row.filter(|row| row.desired.server == Some(here))
    }
}
