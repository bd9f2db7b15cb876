//! Clients that ask for random things.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use crate::id::{OwnerId, WorkspaceId};
use crate::model::{
    Failover, PlacementSpec, RestartPolicy, RestartSpec, Status, StrategyKind, Workspace, WorkspaceSpec,
};
use crate::orchestrator::{Caller, Idempotency, NewWorkspace, Orchestrator, WorkspacePatch};
use crate::port::{ExecRequest, LogOptions, StateStore};
use crate::resources::Resources;
use crate::testing::sim::World;
use crate::testing::sim::run::history::{History, rows};
use crate::testing::sim::run::masters::Masters;

/// How many things somebody does in a workspace, one after the other.
const THINGS: u32 = 24;

/// What clients share.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    pub(super) world: Arc<World>,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) masters: Arc<Masters>,
    pub(super) history: Arc<History>,
}

impl Clients {
    /// Asks for this many random things, one after another; none waits for the one before.
    pub(super) async fn run(&self, requests: u64) {
        for number in 0..requests {
            let rush = self.world.dice.chance(500);
            let pause = if rush { Duration::from_millis(50) } else { Duration::from_secs(12) };
            sleep(self.world.dice.between(Duration::ZERO, pause)).await;
            self.ask(number).await;
        }
    }

    async fn ask(&self, number: u64) {
        let dice = &self.world.dice;
        let master = dice.below(self.masters.count());
        let (kind, clients) = (dice.below(100), self.clone());
        if dice.chance(250) {
            return self.masters.call(master, |fleet| async move { clients.work_on_data(&fleet, number).await });
        }
        // Most is to be seen of what runs.
        let shown = |row: &&Workspace| kind < 78 || row.observed.status == Status::Running;
        let known: Vec<_> = rows(self.store.as_ref()).await.iter().filter(shown).map(|row| row.id).collect();
        let target = dice.pick(&known).copied();
        let Some(id) = target.filter(|_| kind >= 30) else {
            let new = self.new_workspace(number);
            let key = format!("key-{}", number / 2 * 2);
            return self.masters.call(master, |fleet| async move { clients.create(&fleet, key, new, number).await });
        };
        self.masters.call(master, |fleet| async move {
            clients.act(&fleet, id, kind, number).await;
            clients.change_of_mind(id, number).await;
        });
    }

    /// Whether nobody asks for anything new any more: who was held up must not begin when all is to be deleted.
    pub(super) fn is_over(&self) -> bool {
        self.world.plan().is_none()
    }

    /// Now and then somebody wants something else at once, perhaps from another master.
    async fn change_of_mind(&self, id: WorkspaceId, number: u64) {
        let dice = &self.world.dice;
        if !dice.chance(350) || self.is_over() {
            return;
        }
        let soon = if dice.chance(600) { Duration::from_millis(60) } else { Duration::from_secs(20) };
        sleep(dice.between(Duration::ZERO, soon)).await;
        let (master, kind, clients) = (dice.below(self.masters.count()), 30 + dice.below(48), self.clone());
        self.masters.call(master, |fleet| async move { clients.act(&fleet, id, kind, number).await });
    }

    async fn act(&self, fleet: &Orchestrator, id: WorkspaceId, kind: u64, number: u64) {
        let admin = Caller::admin();
        let (what, done) = match kind {
            30..40 => ("stop", fleet.stop_workspace(&admin, id).await.map(drop)),
            40..54 => ("start", fleet.start_workspace(&admin, id).await.map(drop)),
            54..62 => ("restart", fleet.restart_workspace(&admin, id).await.map(drop)),
            62..70 => ("patch", fleet.patch_workspace(&admin, id, self.patch(), None).await.map(drop)),
            70..78 => ("delete", self.delete(fleet, id).await),
            78..85 => ("write", self.write(fleet, id, number).await),
            85..88 => ("schedule", self.schedule(fleet, number).await),
            _ => {
                for _ in 0..THINGS {
                    if self.is_over() {
                        return;
                    }
                    self.use_it(fleet, id).await;
                }
                return;
            }
        };
        let answer = done.as_ref().err().map_or("ok", |error| error.kind().code());
        self.world.note(&format_args!("client: {what} {id}: {answer}"));
    }

    /// What people do in a workspace that runs.
    async fn use_it(&self, fleet: &Orchestrator, id: WorkspaceId) {
        let admin = Caller::admin();
        let (what, done) = match self.world.dice.below(6) {
            // Beside them, an operator looks around.
            0 if self.world.dice.chance(250) => ("reconcile", fleet.reconcile(&admin, true).await.map(drop)),
            0 => ("read", fleet.read_file(&admin, id, "notes/none").await.map(drop)),
            1 => ("list", fleet.list_files(&admin, id, "", 2).await.map(drop)),
            2 => ("remove", fleet.delete_file(&admin, id, "notes/none").await),
            3 => ("logs", fleet.logs(&admin, id, LogOptions { tail: None, follow: false }).await.map(drop)),
            4 => ("stats", fleet.workspace_stats(&admin, id).await.map(drop)),
            _ => ("exec", fleet.exec(&admin, id, ExecRequest::new(["echo", "hi"])).await.map(drop)),
        };
        let answer = done.as_ref().err().map_or("ok", |error| error.kind().code());
        self.world.note(&format_args!("client: {what} {id}: {answer}"));
    }

    /// Asks under an idempotency key, and again when the answer was lost.
    async fn create(&self, fleet: &Orchestrator, key: String, new: NewWorkspace, number: u64) {
        let owner = OwnerId::new("alice");
        for _ in 0..3 {
            let idempotency = Idempotency { key: key.clone(), request_hash: [0; 32] };
            match fleet.create_workspace(&Caller::owner("alice"), new.clone(), Some(idempotency)).await {
                Ok(row) => {
                    self.world.note(&format_args!("client: create {} as {}: ok", new.name, row.id));
                    self.history.created(&self.world, owner, &key, row.id);
                    return self.change_of_mind(row.id, number).await;
                }
                Err(error) => {
                    self.world.note(&format_args!("client: create {}: {}", new.name, error.kind()));
                    if !error.is_retryable() {
                        return;
                    }
                    sleep(Duration::from_millis(300)).await;
                }
            }
        }
    }

    async fn delete(&self, fleet: &Orchestrator, id: WorkspaceId) -> crate::error::Result<()> {
        fleet.delete_workspace(&Caller::admin(), id, None).await?;
        self.history.lock().deleted.push(id);
        Ok(())
    }

    async fn write(&self, fleet: &Orchestrator, id: WorkspaceId, number: u64) -> crate::error::Result<()> {
        let (path, bytes) = (format!("notes/{number}"), Bytes::from(format!("request {number}")));
        fleet.write_file(&Caller::admin(), id, &path, bytes.clone()).await?;
        self.history.lock().written.push((id, path, bytes));
        Ok(())
    }

    async fn schedule(&self, fleet: &Orchestrator, number: u64) -> crate::error::Result<()> {
        let servers = fleet.servers(&Caller::admin()).await?;
        let Some(server) = self.world.dice.pick(&servers) else { return Ok(()) };
        let id = server.record.id;
        match number % 6 {
            4 => fleet.consistency_check(&Caller::admin()).await.map(drop),
            5 => fleet.reconcile(&Caller::admin(), self.world.dice.chance(800)).await.map(drop),
            0 => fleet.cordon_server(&Caller::admin(), id).await.map(drop),
            1 | 2 => fleet.drain_server(&Caller::admin(), id).await.map(drop),
            _ => fleet.uncordon_server(&Caller::admin(), id).await.map(drop),
        }
    }

    pub(super) fn new_workspace(&self, number: u64) -> NewWorkspace {
        let dice = &self.world.dice;
        let image = match dice.below(20) {
            0 => "nowhere",
            1..6 => "pulled",
            _ => "base",
        };
        let command: &[&str] = match dice.below(10) {
            0 => &["exit", "3"],
            1 => &["sleep", "20"],
            _ => &[],
        };
        let policies = [RestartPolicy::Never, RestartPolicy::OnFailure, RestartPolicy::Always];
        let strategies =
            [StrategyKind::Spread, StrategyKind::BestFit, StrategyKind::RoundRobin, StrategyKind::Affinity];
        let servers = self.world.servers();
        let server = dice.pick(&servers).filter(|_| dice.chance(200)).cloned();
        let spec = WorkspaceSpec {
            image: image.to_owned(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            ports: if dice.chance(200) { vec![8000] } else { Vec::new() },
            resources: self.resources(),
            restart: RestartSpec { policy: *dice.pick(&policies).unwrap_or(&policies[0]), max: 3 },
            placement: PlacementSpec {
                strategy: dice.pick(&strategies).copied(),
                required: server.is_some() && dice.chance(500),
                server,
                ..PlacementSpec::default()
            },
            failover: if dice.chance(400) { Failover::Auto } else { Failover::Manual },
            idle_timeout_seconds: dice.chance(100).then(|| 20 + dice.below(300)),
            ttl_seconds: dice.chance(100).then(|| 30 + dice.below(400)),
            ..WorkspaceSpec::default()
        };
        NewWorkspace { name: format!("ws-{number}"), spec, ..NewWorkspace::default() }
    }

    fn resources(&self) -> Resources {
        let dice = &self.world.dice;
        Resources {
            cpu_millis: 250 * (1 + dice.below(8)),
            memory_mib: 256 * (1 + dice.below(8)),
            disk_gib: 1 + dice.below(3),
            slots: 0,
            gpus: 0,
        }
    }

    fn patch(&self) -> WorkspacePatch {
        let dice = &self.world.dice;
        let mut patch = WorkspacePatch::default();
        match dice.below(5) {
            0 | 4 => patch.resources = Some(Resources { disk_gib: 0, ..self.resources() }),
            1 => patch.env = Some([("N".to_owned(), dice.below(100).to_string())].into()),
            2 => patch.labels = Some([("n".to_owned(), dice.below(100).to_string())].into()),
            _ => patch.image = Some(if dice.chance(500) { "base" } else { "pulled" }.to_owned()),
        }
        patch
    }
}
