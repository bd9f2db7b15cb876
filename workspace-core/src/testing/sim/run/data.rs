//! Clients that work on projects: fill them, sync them, take and restore snapshots, and let agents at them.

use std::time::Duration;

use tokio::time::sleep;

use crate::error::Result;
use crate::model::{AgentKind, BackupPolicy, GitSource, OnSuccess, Project, ProjectSource, Snapshot, SnapshotStatus};
use crate::orchestrator::{
    AgentRequest, Caller, NewExecution, NewProject, NewSnapshot, NewWorkspace, Orchestrator, RestoreMode,
    RestoreRequest, SyncDirection, SyncKind, SyncWish,
};
use crate::port::{DataFilter, PageRequest, StateStore};
use crate::resources::Resources;
use crate::secret::Secret;
use crate::testing::sim::run::client::Clients;

const ALL: PageRequest = PageRequest { after: None, limit: 10_000 };

/// Little, so that most find a place.
const SMALL: Resources = Resources { cpu_millis: 250, memory_mib: 256, disk_gib: 1, slots: 0, gpus: 0 };

/// How many things somebody does with data in a row.
const THINGS: u64 = 6;

fn has_data(project: &Project) -> bool {
    project.copy.as_ref().is_some_and(|copy| copy.filled)
}

/// The projects of somebody that have a name and are wanted.
pub(super) async fn projects(store: &dyn StateStore) -> Vec<Project> {
    let all = store.projects(None, ALL).await.map(|page| page.items).unwrap_or_default();
    all.into_iter().filter(|project| !project.is_unnamed() && !project.deleted).collect()
}

/// Every snapshot that was acknowledged as whole.
pub(super) async fn snapshots(store: &dyn StateStore) -> Vec<Snapshot> {
    let all = store.snapshots(&DataFilter::default(), ALL).await.map(|page| page.items).unwrap_or_default();
    all.into_iter().filter(|snapshot| snapshot.status == SnapshotStatus::Ready).collect()
}

impl Clients {
    /// Asks for several things about projects, old or new, one after the other.
    pub(super) async fn work_on_data(&self, fleet: &Orchestrator, number: u64) {
        for turn in 0..THINGS {
            if self.is_over() {
                return;
            }
            self.ask_about_data(fleet, number * THINGS + turn).await;
            sleep(self.world.dice.between(Duration::ZERO, Duration::from_secs(10))).await;
        }
    }

    async fn ask_about_data(&self, fleet: &Orchestrator, number: u64) {
        let dice = &self.world.dice;
        let mut known = projects(self.store.as_ref()).await;
        // Most can be done with what has data.
        if known.iter().any(has_data) && dice.chance(700) {
            known.retain(has_data);
        }
        let (kind, project) = (dice.below(100), dice.pick(&known));
        let (what, done) = match (kind, project) {
            (0..15, _) | (_, None) => ("project", self.new_project(fleet, number).await),
            (15..35, Some(project)) => ("workspace of", self.workspace_of(fleet, project, number).await),
            (35..58, Some(project)) => ("execute in", self.execute(fleet, project, number).await),
            (58..72, Some(project)) => ("sync", self.sync(fleet, project).await),
            (72..84, Some(project)) => {
                let taken = fleet.take_snapshot(&Caller::owner("alice"), project.id, NewSnapshot::default()).await;
                ("snapshot", taken.map(drop))
            }
            (84..92, Some(project)) => ("restore", self.restore(fleet, project).await),
            (92..96, Some(project)) => {
                let policy = BackupPolicy { on_stop: true };
                let set = fleet.set_backup_policy(&Caller::owner("alice"), project.id, policy).await;
                ("back up", set.map(drop))
            }
            (_, Some(project)) => ("remove", fleet.delete_project(&Caller::owner("alice"), project.id).await),
        };
        let answer = done.as_ref().err().map_or("ok", |error| error.kind().code());
        let of = project.map_or_else(String::new, |project| project.id.to_string());
        self.world.note(&format_args!("client: {what} {of}: {answer}"));
    }

    async fn new_project(&self, fleet: &Orchestrator, number: u64) -> Result<()> {
        let snapshots = snapshots(self.store.as_ref()).await;
        let git =
            GitSource { url: "https://git.example/site.git".to_owned(), branch: None, submodules: false, access: None };
        let source = match self.world.dice.below(10) {
            0..2 => None,
            2..5 => self.world.dice.pick(&snapshots).map(|snapshot| ProjectSource::Snapshot(snapshot.id)),
            _ => Some(ProjectSource::Git(git)),
        };
        let new = NewProject { name: format!("project-{number}"), owner: None, template: None, source };
        fleet.create_project(&Caller::owner("alice"), new, None).await.map(drop)
    }

    async fn workspace_of(&self, fleet: &Orchestrator, project: &Project, number: u64) -> Result<()> {
        let mut new = self.new_workspace(number);
        new.spec.resources = SMALL;
        let new = NewWorkspace { name: format!("data-{number}"), project: Some(project.id), ..new };
        fleet.create_workspace(&Caller::owner("alice"), new, None).await.map(drop)
    }

    async fn execute(&self, fleet: &Orchestrator, project: &Project, number: u64) -> Result<()> {
        let dice = &self.world.dice;
        let secret = dice.chance(500).then(|| ("KEY".to_owned(), Secret::new("hunter2".to_owned())));
        let new = NewExecution {
            session: None,
            project: Some(project.id),
            prompt: format!("do {number}"),
            agent: AgentRequest {
                kind: AgentKind::Command,
                image: "base".to_owned(),
                argv: vec!["agent".to_owned()],
                time_limit_seconds: Some(60),
            },
            resources: Resources { disk_gib: 0, ..SMALL },
            credentials: secret.into_iter().collect(),
            on_success: OnSuccess { commit: true, push: dice.chance(500), snapshot: dice.chance(300) },
        };
        fleet.execute(&Caller::owner("alice"), new, None).await.map(drop)
    }

    async fn sync(&self, fleet: &Orchestrator, project: &Project) -> Result<()> {
        let direction = if self.world.dice.chance(500) { SyncDirection::Pull } else { SyncDirection::Push };
        let wish = SyncWish { kind: SyncKind::Git, direction, message: Some("work".to_owned()), branch: None };
        fleet.sync_project(&Caller::owner("alice"), project.id, wish).await.map(drop)
    }

    /// What was written since may go: it is no longer asked for.
    async fn restore(&self, fleet: &Orchestrator, project: &Project) -> Result<()> {
        self.history.lock().restored.insert(project.id);
        let mode = if self.world.dice.chance(300) { RestoreMode::Merge } else { RestoreMode::Replace };
        let servers = self.world.servers();
        let server = self.world.dice.pick(&servers).filter(|_| self.world.dice.chance(500)).cloned();
        let wish = RestoreRequest { mode, server, ..RestoreRequest::default() };
        fleet.restore_project(&Caller::owner("alice"), project.id, wish).await.map(drop)
    }
}
