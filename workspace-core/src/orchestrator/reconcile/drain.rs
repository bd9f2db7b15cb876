//! Servers that are to be emptied: their workspaces move away, a few at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::id::ServerId;
use crate::model::{
    Availability, Desired, Intent, MoveCause, Project, Scheduling, ServerRecord, ServerState, Status, Switch, Workspace,
};
use crate::orchestrator::Core;
use crate::orchestrator::converge::request_elsewhere;
use crate::orchestrator::intent::Verdict;
use crate::placement::{Goal, Ledger, Limits, Placed, built_in, rebalance_plan};
use crate::port::{PageRequest, WorkspaceFilter, Write};
use crate::resources::Resources;

/// What could not move is asked again after this long.
const PAUSE: Duration = Duration::from_mins(5);

/// When each workspace was last asked to leave a server, by this master; or a project that could not.
pub(super) type Asked = BTreeMap<(ServerId, Uuid), Instant>;

/// Forgets who may be asked again, and who was asked to leave a server that is not to be left any more.
pub(super) fn forget(asked: &mut Asked, servers: &[ServerState]) {
    let to_leave = |id: ServerId| servers.iter().any(|server| server.record.id == id);
    asked.retain(|&(server, _), at| at.elapsed() < PAUSE && to_leave(server));
}

impl Core {
    /// Takes every drain a step further.
    pub(super) async fn drain_servers(self: &Arc<Self>, asked: &mut Asked) -> Result<()> {
        let servers = self.store.servers().await?;
        let to_leave = |server: &&ServerState| server.record.scheduling == Scheduling::Draining;
        let draining: Vec<_> = servers.iter().filter(to_leave).cloned().collect();
        forget(asked, &draining);
        for server in &draining {
            if let Err(error) = self.drain(server, &servers, asked).await {
                tracing::warn!(server = server.record.spec.name, error = error.chain(), "server not drained further");
            }
        }
        Ok(())
    }

    async fn drain(self: &Arc<Self>, server: &ServerState, servers: &[ServerState], asked: &mut Asked) -> Result<()> {
        let here = server.record.id;
        let (rows, idle) = (self.workspaces_of(here).await?, self.idle_projects_of(here).await?);
        if rows.is_empty() && idle.is_empty() {
            return self.drained(server).await;
        }
        let is_moving = |row: &&Workspace| row.desired.switch.is_some_and(|switch| switch.way().is_some());
        let places = self.config.drain_parallel.saturating_sub(rows.iter().filter(is_moving).count());
        let may_go = |row: &&Workspace| {
            row.is_settled() && row.observed.status != Status::Lost && !asked.contains_key(&(here, row.id.as_uuid()))
        };
        let candidates: Vec<_> = rows.iter().filter(may_go).cloned().collect();
        // What leaves must be asked while it is there.
        if server.observation.availability != Availability::Healthy {
            return Ok(());
        }
        let mut begun = 0;
        for row in in_order(servers, here, candidates) {
            if begun == places {
                break;
            }
            match self.may_move(&row).await {
                Ok(false) => continue,
                Ok(true) => begun += 1,
                Err(error) => {
                    self.tell_stuck(server, json!({ "workspace": row.id, "name": row.desired.name }), &error).await?;
                    asked.insert((here, row.id.as_uuid()), Instant::now());
                    continue;
                }
            }
            asked.insert((here, row.id.as_uuid()), Instant::now());
            self.send_elsewhere(row, MoveCause::Drain).await?;
        }
        for project in idle {
            let id = (here, project.id.as_uuid());
            if begun >= places || asked.contains_key(&id) {
                continue;
            }
            match self.put_away(&project).await {
                Ok(()) => begun += 1,
                Err(error) => {
                    self.tell_stuck(server, json!({ "project": project.id, "name": project.name }), &error).await?;
                    asked.insert(id, Instant::now());
                }
            }
        }
        Ok(())
    }

    /// The projects whose data is on a server and that no workspace has.
    async fn idle_projects_of(&self, server: ServerId) -> Result<Vec<Project>> {
        let (mut idle, mut page) = (Vec::new(), PageRequest::default());
        loop {
            let found = self.store.projects(None, page).await?;
            for project in found.items {
                let is_here = project.copy.as_ref().is_some_and(|copy| copy.server == server);
                if is_here && !project.deleted && self.workspace_with(project.id).await?.is_none() {
                    idle.push(project);
                }
            }
            match found.next {
                Some(after) => page.after = Some(after),
                None => return Ok(idle),
            }
        }
    }

    /// Wants a workspace elsewhere, unless it changed meanwhile.
    pub(super) async fn send_elsewhere(self: &Arc<Self>, row: Workspace, cause: MoveCause) -> Result<()> {
        let revision = row.revision;
        let status = if cause == MoveCause::Failover { Status::Placing } else { Status::Stopping };
        self.decide(row, None, None, |row| {
            if row.revision != revision {
                return Ok(None);
            }
            let switch = Some(Switch::elsewhere(cause, row.desired.intent == Intent::Running, self.env.now()));
            let desired = Desired { intent: Intent::Stopped, switch, ..row.desired.clone() };
            Ok(Some(Verdict { desired, status: Some(status), event: "workspace.leaving" }))
        })
        .await
        .map(|_| ())
    }

    /// Whether a workspace may move now: no job works on its data, and there is room for it.
    async fn may_move(&self, row: &Workspace) -> Result<bool> {
        let project = self.store.project(row.desired.project).await?.ok_or_else(|| Error::not_found("project"))?;
        if self.is_written_into(&project).await? {
            return Ok(false);
        }
        let request = request_elsewhere(row, needs(row));
        let strategy = built_in(row.desired.spec.placement.strategy.unwrap_or_default());
        let servers = self.store.servers().await?;
        self.explain_place(strategy.as_ref(), &servers, &request, 0).0.map(|_| true)
    }

    async fn tell_stuck(&self, server: &ServerState, mut data: Value, error: &Error) -> Result<()> {
        data["code"] = error.kind().code().into();
        data["message"] = error.chain().into();
        let hint = "make room elsewhere, or delete the workspace; it is asked again every five minutes";
        data["hint"] = error.next_step().unwrap_or(hint).into();
        let event = self.event(server.record.id.as_uuid(), "server.drain_waits", data);
        // A server that was removed meanwhile hears nothing.
        let _refused = self.commit(crate::port::Change::by(self.lease.fence()).with(Write::Append(event))).await?;
        Ok(())
    }

    /// Nothing is left: the server is closed, and may be removed.
    async fn drained(self: &Arc<Self>, server: &ServerState) -> Result<()> {
        let cordoned =
            |state: &ServerState| Ok(ServerRecord { scheduling: Scheduling::Cordoned, ..state.record.clone() });
        let revision = Some(server.record.revision);
        self.edit_server(server.record.id, revision, "server.drained", None, cordoned).await.map(|_| ())
    }

    /// Every workspace of a server.
    pub(super) async fn workspaces_of(&self, server: ServerId) -> Result<Vec<Workspace>> {
        let filter = WorkspaceFilter { server: Some(server), ..WorkspaceFilter::default() };
        self.every_workspace(&filter).await
    }
}

/// What a workspace needs on another server.
fn needs(row: &Workspace) -> Resources {
    let resources = row.desired.spec.resources;
    match row.desired.intent {
        Intent::Running => resources,
        _ => resources.only_disk(),
    }
}

/// Workspaces in the order in which they leave a server: the largest first, while there is room for it, so that small
/// ones do not take its place. Last come those for which the plan found none.
fn in_order(servers: &[ServerState], here: ServerId, mut rows: Vec<Workspace>) -> Vec<Workspace> {
    let placed = |row: &Workspace| Placed {
        holder: row.id.as_uuid(),
        server: here,
        resources: needs(row),
        labels: row.desired.spec.placement.requirements(),
    };
    let placed: Vec<_> = rows.iter().map(placed).collect();
    let plan = rebalance_plan(&Ledger::new(servers), &placed, Goal::Empty(here), Limits::default());
    let planned: Vec<_> = plan.moves.iter().map(|planned| planned.holder).chain(plan.stuck).collect();
    rows.sort_by_key(|row| planned.iter().position(|&holder| holder == row.id.as_uuid()));
    rows
}
