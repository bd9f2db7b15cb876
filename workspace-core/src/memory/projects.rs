//! Writes of projects.

use super::change::Transaction;
use super::tables::Tables;
use crate::id::{OwnerId, ProjectId};
use crate::model::Project;
use crate::port::Refused;

impl Tables {
    fn project_named(&self, owner: &OwnerId, name: Option<&str>) -> Option<ProjectId> {
        self.project_names.get(owner)?.get(name?).copied()
    }

    fn enter_project_name(&mut self, project: &Project) {
        if let Some(name) = &project.name {
            self.project_names.entry(project.owner.clone()).or_default().insert(name.clone(), project.id);
        }
    }

    fn leave_project_name(&mut self, project: &Project) {
        if let (Some(name), Some(names)) = (&project.name, self.project_names.get_mut(&project.owner)) {
            names.remove(name);
        }
    }

    fn swap_project(&mut self, next: Project) -> Option<Project> {
        if let Some(old) = self.projects.remove(&next.id) {
            self.leave_project_name(&old);
            self.enter_project_name(&next);
            self.projects.insert(next.id, next);
            return Some(old);
        }
        None
    }
}

impl Transaction<'_> {
    pub(super) fn insert_project(&mut self, project: &Project) -> Result<(), Refused> {
        let id = project.id;
        let taken = self.tables.project_named(&project.owner, project.name.as_deref()).is_some();
        if taken || self.tables.projects.contains_key(&id) {
            return Err(Refused::NameTaken);
        }
        self.tables.enter_project_name(project);
        self.tables.projects.insert(id, project.clone());
        self.on_undo(move |tables| {
            if let Some(project) = tables.projects.remove(&id) {
                tables.leave_project_name(&project);
            }
        });
        Ok(())
    }

    pub(super) fn update_project(&mut self, project: &Project, expected: u64) -> Result<(), Refused> {
        let id = project.id;
        let current = self.tables.projects.get(&id).ok_or(Refused::NotFound)?;
        if current.revision != expected {
            return Err(Refused::Stale { current: current.revision });
        }
        if self.tables.project_named(&project.owner, project.name.as_deref()).is_some_and(|other| other != id) {
            return Err(Refused::NameTaken);
        }
        if let Some(old) = self.tables.swap_project(Project { revision: expected + 1, ..project.clone() }) {
            self.on_undo(move |tables| {
                tables.swap_project(old);
            });
        }
        Ok(())
    }

    pub(super) fn remove_project(&mut self, id: ProjectId) -> Result<(), Refused> {
        let at_work = |job| self.tables.jobs.get(job).is_some_and(|job| job.project == id);
        if self.tables.live.projects.contains_key(&id) || self.tables.unfinished.iter().any(at_work) {
            return Err(Refused::InUse);
        }
        if let Some(project) = self.tables.projects.remove(&id) {
            self.tables.leave_project_name(&project);
            self.on_undo(move |tables| {
                tables.enter_project_name(&project);
                tables.projects.insert(id, project);
            });
        }
        Ok(())
    }
}
