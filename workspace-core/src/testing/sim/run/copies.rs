//! The data of projects: who writes it, and that the last whole copy of it is never given away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::id::{ProjectId, ServerId};
use crate::model::{Intent, JobStatus, Project, ProjectCopy, SnapshotStatus, Workspace};
use crate::port::{JobFilter, PageRequest, StateStore};
use crate::testing::sim::World;
use crate::testing::sim::machine::Container;

/// The last whole copy of each project that has data.
#[derive(Debug, Default)]
pub(super) struct Copies(Mutex<BTreeMap<ProjectId, ProjectCopy>>);

impl Copies {
    /// Looks at everything that the store holds, after a commit.
    pub(super) async fn look(&self, world: &World, store: &dyn StateStore, rows: &[Workspace]) {
        writers(world, store).await;
        let all = PageRequest { after: None, limit: 10_000 };
        let projects = store.projects(None, all).await.map(|page| page.items).unwrap_or_default();
        running_empty(world, &projects, rows);
        let servers = store.servers().await.unwrap_or_default();
        let endpoint =
            |id: ServerId| servers.iter().find(|one| one.record.id == id).map(|one| &one.record.spec.endpoint);
        let mut away = BTreeSet::new();
        for project in projects.iter().filter(|project| project.copy.is_none() && project.put_away > 0) {
            let seed = match project.seed {
                Some(id) => store.snapshot(id).await.unwrap_or_default(),
                None => None,
            };
            away.extend(seed.filter(|seed| seed.status == SnapshotStatus::Ready).map(|_| project.id));
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|id, _| projects.iter().any(|project| project.id == *id && is_wanted(project, rows)));
        for project in projects.iter().filter(|project| is_wanted(project, rows)) {
            let is_whole = |copy: &&ProjectCopy| {
                let name = endpoint(copy.server).and_then(|endpoint| endpoint.strip_prefix("sim://"));
                let volume = project.volume_name(copy);
                let whole = |name| world.look(name, |at| at.volumes.get(&volume).is_some_and(|volume| !volume.half));
                name.and_then(whole).unwrap_or(false)
            };
            if let Some(copy) = project.copy.as_ref().filter(|copy| copy.filled).filter(is_whole) {
                kept.insert(project.id, copy.clone());
            } else if away.contains(&project.id) {
                // A whole snapshot has it.
                kept.remove(&project.id);
            } else if let Some(last) = kept.get(&project.id).filter(|last| !is_whole(last)) {
                let (volume, copy) = (project.volume_name(last), &project.copy);
                world.violation(&format_args!("I6 {volume} is gone, and no other copy is whole: {copy:?}"));
                kept.remove(&project.id);
            }
        }
    }
}

/// Whether nobody asked for the data to go; that of an unnamed project goes with its workspace.
fn is_wanted(project: &Project, rows: &[Workspace]) -> bool {
    let has = |row: &Workspace| row.desired.project == project.id && row.desired.intent != Intent::Deleted;
    !project.deleted && (!project.is_unnamed() || rows.iter().any(has))
}

/// A project has one writing job at a time.
async fn writers(world: &World, store: &dyn StateStore) {
    let all = PageRequest { after: None, limit: 10_000 };
    let unfinished = JobFilter { finished: Some(false), ..JobFilter::default() };
    let mut writers = BTreeMap::new();
    for job in store.jobs(&unfinished, all).await.map(|page| page.items).unwrap_or_default() {
        if job.status == JobStatus::Running {
            world.storage(|storage| storage.recorded(job.container_name()));
        }
        if job.work.writes()
            && let Some(other) = writers.insert(job.project, job.id)
        {
            world.violation(&format_args!("jobs {other} and {} write project {}", job.id, job.project));
        }
    }
}

/// No workspace runs on data that was never filled.
fn running_empty(world: &World, projects: &[Project], rows: &[Workspace]) {
    let filled: BTreeSet<ProjectId> = projects.iter().filter(|one| one.source.is_some()).map(|one| one.id).collect();
    for row in rows.iter().filter(|row| filled.contains(&row.desired.project) && row.observed.generation > 0) {
        let name = row.container_name(row.observed.generation);
        let empty = world.servers().iter().any(|server| {
            let empty = world.look(server, |machine| {
                let runs = machine.containers.get(&name).is_some_and(Container::is_running);
                runs && machine.volume_of(&name).is_none_or(|volume| !volume.filled)
            });
            empty.unwrap_or(false)
        });
        if empty {
            world.violation(&format_args!("I11 {name} runs without its data"));
        }
    }
}
