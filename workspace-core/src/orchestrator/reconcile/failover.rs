//! Lost workspaces that are to go on elsewhere by themselves.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Failover, MoveCause, Observed, Problem, Project, ServerState, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::reconcile::drain::Asked;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

impl Core {
    /// Sends what was lost with a server elsewhere, where its owner wants that and a snapshot has its data. What was
    /// written since that snapshot stays on the server, and is rescued when it is back.
    pub(super) async fn fail_over(self: &Arc<Self>, server: &ServerState, asked: &mut Asked) -> Result<()> {
        let wants = |row: &Workspace| {
            row.observed.status == Status::Lost && row.is_settled() && row.desired.spec.failover == Failover::Auto
        };
        for row in self.workspaces_of(server.record.id).await?.into_iter().filter(wants) {
            let of_it = (server.record.id, row.id.as_uuid());
            if asked.contains_key(&of_it) {
                continue;
            }
            match self.has_what_to_follow(&row).await {
                Ok(()) => {
                    asked.insert(of_it, tokio::time::Instant::now());
                    self.send_elsewhere(row, MoveCause::Failover).await?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => self.waits_for_snapshot(&row).await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A workspace with data is never started empty.
    async fn has_what_to_follow(&self, row: &Workspace) -> Result<()> {
        let project = self.store.project(row.desired.project).await?;
        let filled = |project: &Project| project.copy.as_ref().is_some_and(|copy| copy.filled);
        match project.filter(filled) {
            Some(project) => self.newest_snapshot(&project, None).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Says once why a lost workspace stays where it is.
    async fn waits_for_snapshot(&self, row: &Workspace) -> Result<()> {
        let error = Error::new(ErrorKind::NotFound, "there is no snapshot to go on from elsewhere")
            .hint("bring the server back; snapshots on stop, or taken now and then, make failover possible");
        let problem = Problem { code: "no_snapshot".to_owned(), ..Problem::from(&error) };
        if row.observed.waiting.as_ref() == Some(&problem) {
            return Ok(());
        }
        let data = serde_json::json!({ "code": problem.code, "message": problem.message, "hint": problem.hint });
        let observed = Observed { waiting: Some(problem), ..row.observed.clone() };
        let change = Change::by(self.lease.fence())
            .with(self.observation(row, &observed))
            .with(Write::Append(self.event(row.id.as_uuid(), "workspace.waiting", data)));
        match self.commit(change).await? {
            // Another master drives it, and says it.
            Ok(_) | Err(Refused::Stale { .. } | Refused::Fenced) => Ok(()),
            Err(refusal) => Err(refused("workspace", &refusal)),
        }
    }
}
