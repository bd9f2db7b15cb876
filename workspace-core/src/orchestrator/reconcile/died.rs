//! Containers that ended by themselves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::error::Result;
use crate::model::{Desired, Intent, Observed, Problem, RestartPolicy, Status, Workspace};
use crate::orchestrator::Core;
use crate::port::{ContainerState, ContainerStatus, Server, WorkspaceFilter};

/// A workspace that ran this long starts counting its restarts anew.
const STEADY: Duration = Duration::from_mins(10);

/// How a container ended.
struct Death {
    code: &'static str,
    message: String,
    hint: &'static str,
    exit_code: Option<i64>,
}

/// How a container is not what its settled row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drift {
    /// The workspace is stopped, and the container runs.
    RunsStopped,
    /// The workspace runs, and its container does not.
    Ended,
    /// The workspace is lost, and its container runs.
    Returned,
}

impl Death {
    /// Somebody removed the container.
    fn missing() -> Self {
        Self {
            code: "container_missing",
            message: "the container was removed behind our back".to_owned(),
            hint: "start it again; its data is kept",
            exit_code: None,
        }
    }

    /// How a container that does not run any more ended. One that never ran is not the one that did: a late request
    /// made it after that was removed.
    fn of(row: &Workspace, container: &ContainerState) -> Self {
        if container.status == ContainerStatus::Created {
            return Self::missing();
        }
        let exit_code = container.exit_code;
        let (code, message, hint) = match exit_code {
            _ if container.out_of_memory => (
                "out_of_memory",
                format!("the program used more than its {} MiB of memory", row.desired.claimed.resources.memory_mib),
                "give it more memory, then start it",
            ),
            // What an init process and a shell say of a program that is not there or is none.
            Some(code @ (126 | 127)) => (
                "program_not_found",
                format!("the program was not found or cannot be run: exit code {code}"),
                "check the command against the image",
            ),
            _ => (
                "exited",
                format!("the program ended by itself with exit code {}", exit_code.unwrap_or(-1)),
                "see its logs, then start it",
            ),
        };
        Self { code, message, hint, exit_code }
    }

    /// Whether another start could end otherwise.
    fn may_end_otherwise(&self) -> bool {
        self.code != "program_not_found"
    }
}

impl Drift {
    fn between(row: &Workspace, container: &ContainerState) -> Option<Self> {
        let runs = container.status == ContainerStatus::Running;
        let current = row.container_name(row.observed.generation) == container.name;
        if row.is_settled() && row.desired.intent == Intent::Stopped && runs {
            return Some(Self::RunsStopped);
        }
        match (current && should_run(row), runs) {
            (true, false) => Some(Self::Ended),
            (true, true) if row.observed.status == Status::Lost => Some(Self::Returned),
            _ => None,
        }
    }
}

impl Core {
    /// A settled workspace whose container no longer runs died; one that is stopped and whose container runs got a
    /// start that was carried out late. The row was read after the list: only a second look tells.
    pub(super) async fn compare_container(
        self: &Arc<Self>,
        row: &Workspace,
        server: &Arc<dyn Server>,
        listed: &ContainerState,
    ) -> Result<()> {
        if Drift::between(row, listed).is_none() {
            return Ok(());
        }
        let Some(container) = self.own_container(row, server, &listed.name).await? else { return Ok(()) };
        match Drift::between(row, &container) {
            None => Ok(()),
            Some(Drift::RunsStopped) => self.stop_again(row).await,
            Some(Drift::Ended) => self.ended(row, &container).await,
            Some(Drift::Returned) => self.found(row).await,
        }
    }

    async fn ended(self: &Arc<Self>, row: &Workspace, container: &ContainerState) -> Result<()> {
        let death = Death::of(row, container);
        self.died(row, death).await
    }

    async fn stop_again(self: &Arc<Self>, row: &Workspace) -> Result<()> {
        tracing::info!(workspace = %row.id, "stopping what was started late");
        let observed = Observed { status: Status::Stopping, ..row.observed.clone() };
        let data = json!({ "reason": "a start was carried out late" });
        let event = self.event(row.id.as_uuid(), "workspace.stopping", data);
        self.turn(row, row.desired.clone(), observed, event).await?;
        self.drive(row.id);
        Ok(())
    }

    /// A settled workspace without a container lost it behind our back.
    pub(super) async fn compare_missing(
        self: &Arc<Self>,
        server: &Arc<dyn Server>,
        containers: &[ContainerState],
    ) -> Result<()> {
        for status in [Status::Running, Status::Lost] {
            self.compare_missing_of(server, containers, status).await?;
        }
        Ok(())
    }

    async fn compare_missing_of(
        self: &Arc<Self>,
        server: &Arc<dyn Server>,
        containers: &[ContainerState],
        status: Status,
    ) -> Result<()> {
        let (here, status) = (Some(server.id()), Some(status));
        let filter = WorkspaceFilter { server: here, status, ..WorkspaceFilter::default() };
        for row in self.every_workspace(&filter).await?.iter().filter(|row| should_run(row)) {
            let name = row.container_name(row.observed.generation);
            if !containers.iter().any(|container| container.name == name) {
                self.missing(server, row, &name).await?;
            }
        }
        Ok(())
    }

    /// The row was read after the list: only a second look tells a new container from a missing one.
    async fn missing(self: &Arc<Self>, server: &Arc<dyn Server>, row: &Workspace, name: &str) -> Result<()> {
        if self.own_container(row, server, name).await?.is_some() {
            return Ok(());
        }
        self.died(row, Death::missing()).await
    }

    async fn died(self: &Arc<Self>, row: &Workspace, death: Death) -> Result<()> {
        tracing::info!(workspace = %row.id, code = death.code, exit_code = death.exit_code, "workspace died");
        self.channels.close(row.id);
        let now = self.env.now();
        let steady = row.observed.started_at.is_some_and(|start| now.since(start) >= STEADY);
        let restarts = if steady { 0 } else { row.observed.restarts };
        let policy = row.desired.spec.restart;
        let again = match policy.policy {
            _ if !death.may_end_otherwise() => false,
            RestartPolicy::Never => false,
            RestartPolicy::OnFailure => death.exit_code != Some(0) && restarts < policy.max,
            RestartPolicy::Always => restarts < policy.max,
        };
        let data = json!({
            "code": death.code, "message": death.message, "exit_code": death.exit_code,
            "restarts": restarts, "restarting": again,
        });
        let event = self.event(row.id.as_uuid(), "workspace.died", data);
        if again {
            let desired = Desired { generation: row.desired.generation + 1, ..row.desired.clone() };
            let observed = Observed { status: Status::Starting, restarts: restarts + 1, ..row.observed.clone() };
            self.turn(row, desired, observed, event).await?;
        } else {
            let problem =
                Problem { code: death.code.to_owned(), message: death.message, hint: Some(death.hint.to_owned()) };
            self.fail(row, problem, restarts, event).await?;
        }
        self.drive(row.id);
        Ok(())
    }
}

/// Whether the row says that its container runs.
fn should_run(row: &Workspace) -> bool {
    matches!(row.observed.status, Status::Running | Status::Lost)
        && row.desired.intent == Intent::Running
        && row.is_settled()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use crate::error::ErrorKind;
    use crate::id::FleetId;
    use crate::model::{RestartPolicy, Status, Workspace};
    use crate::orchestrator::test_fleet::fleet_of;
    use crate::orchestrator::{Caller, NewWorkspace, Orchestrator};
    use crate::port::{ContainerSpec, ImageRef, LogOptions};

    const MINUTE: Duration = Duration::from_mins(1);

    /// A workspace, and the name of its container.
    async fn running(fleet: &Orchestrator, policy: RestartPolicy) -> (Workspace, String) {
        let mut new = NewWorkspace::new("hello", "base");
        new.spec.restart.policy = policy;
        let row = fleet.create_workspace(&Caller::admin(), new, None).await.unwrap();
        let row = fleet.wait(&Caller::admin(), row.id, MINUTE).await.unwrap();
        let name = row.container_name(1);
        (row, name)
    }

    async fn is_missing(fleet: &Orchestrator, row: &Workspace) {
        let error = fleet.workspace(&Caller::admin(), row.id).await.unwrap().observed;
        assert_eq!((error.status, error.error.unwrap().code.as_str()), (Status::Error, "container_missing"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_a_late_request_made_again_did_not_end() {
        let (world, fleet, [server]) = fleet_of(["one"]).await;
        let (row, name) = running(&fleet, RestartPolicy::Never).await;
        let server = fleet.core.pool.get(server).unwrap();
        let labels = server.inspect_container(&name).await.unwrap().unwrap().labels.unwrap();
        assert!(world.remove_behind("one", &name));
        server.create_container(&ContainerSpec::new(name, ImageRef::new("base"), labels)).await.unwrap();
        sleep(MINUTE).await;
        is_missing(&fleet, &row).await;
        fleet.shutdown().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_took_the_name_of_a_container_is_not_taken_for_it() {
        for policy in [RestartPolicy::Never, RestartPolicy::OnFailure] {
            let (world, fleet, [server]) = fleet_of(["one"]).await;
            let (row, name) = running(&fleet, policy).await;
            let (admin, server) = (Caller::admin(), fleet.core.pool.get(server).unwrap());
            let mut labels = server.inspect_container(&name).await.unwrap().unwrap().labels.unwrap();
            labels.fleet = FleetId::from_uuid(uuid::Uuid::from_u128(7));
            assert!(world.remove_behind("one", &name));
            server.create_container(&ContainerSpec::new(name.clone(), ImageRef::new("base"), labels)).await.unwrap();
            server.start_container(&name, None).await.unwrap();
            let written = fleet.write_file(&admin, row.id, "notes", "ours".into()).await;
            let stats = fleet.workspace_stats(&admin, row.id).await;
            let logs = fleet.logs(&admin, row.id, LogOptions::default()).await;
            for refused in [written.err(), stats.err(), logs.err()] {
                assert_eq!(refused.map(|error| error.kind()), Some(ErrorKind::NotRunning));
            }
            assert!(fleet.workspace_status(&admin, row.id).await.unwrap().container.is_none());
            sleep(MINUTE).await;
            let running = world.running();
            assert!(running.contains(&("one".to_owned(), name)), "it is somebody else's");
            if policy == RestartPolicy::Never {
                is_missing(&fleet, &row).await;
            } else {
                assert!(running.contains(&("one".to_owned(), row.container_name(2))), "ours is made anew");
            }
            fleet.delete_workspace(&admin, row.id, None).await.unwrap();
            let deleted = fleet.wait(&admin, row.id, MINUTE).await.unwrap();
            assert_eq!(deleted.observed.status, Status::Deleted);
            assert_eq!(world.running().len(), 1, "only theirs is left");
            fleet.shutdown().await;
        }
    }
}
