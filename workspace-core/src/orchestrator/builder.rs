//! Putting a fleet together.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::time::Instant;

use crate::environment::Environment;
use crate::error::Result;
use crate::job::ServerJobs;
use crate::memory::MemoryStore;
use crate::orchestrator::breaker::Breakers;
use crate::orchestrator::channels::Channels;
use crate::orchestrator::connections::Connections;
use crate::orchestrator::converge::Starting;
use crate::orchestrator::fleet_ledger::FleetLedger;
use crate::orchestrator::fleet_snapshot::FleetSnapshot;
use crate::orchestrator::health::Watched;
use crate::orchestrator::hub::Hub;
use crate::orchestrator::jobs::Credentials;
use crate::orchestrator::lease::{self, LeaseKeeper};
use crate::orchestrator::leased::{LeasedPool, LeasedRunner};
use crate::orchestrator::reconcile::{self, Pass};
use crate::orchestrator::tasks::Tasks;
use crate::orchestrator::uses::Uses;
use crate::orchestrator::{Config, Core, Orchestrator, PlainNamer, probe};
use crate::port::{AgentRunner, ServerPool, SessionNamer, StateStore};

/// The parts of a fleet before it starts.
#[derive(Debug)]
pub struct OrchestratorBuilder {
    pool: Arc<dyn ServerPool>,
    store: Option<Arc<dyn StateStore>>,
    jobs: Option<Arc<dyn AgentRunner>>,
    namer: Arc<dyn SessionNamer>,
    env: Environment,
    config: Config,
    #[cfg(any(test, feature = "testing"))]
    injector: Option<Arc<dyn crate::orchestrator::Injector>>,
}

impl Orchestrator {
    /// A fleet on the servers of this pool, kept in memory until [`OrchestratorBuilder::store`] says otherwise.
    pub fn builder(pool: impl ServerPool) -> OrchestratorBuilder {
        Self::builder_shared(Arc::new(pool))
    }

    /// A fleet on the servers of a pool that is shared with others.
    pub fn builder_shared(pool: Arc<dyn ServerPool>) -> OrchestratorBuilder {
        OrchestratorBuilder {
            pool,
            store: None,
            jobs: None,
            namer: Arc::new(PlainNamer),
            env: Environment::system(),
            config: Config::default(),
            #[cfg(any(test, feature = "testing"))]
            injector: None,
        }
    }

    /// Ends what goes on in the background at its next step and gives the lease back, so that another master takes
    /// over at once. What runs on the servers goes on.
    pub async fn shutdown(&self) {
        self.tasks.stop();
        if tokio::time::timeout(self.core.config.shutdown_grace, self.tasks.finished()).await.is_err() {
            tracing::info!("what was going on is cut short; the next start takes it up");
        }
        if let Err(error) = self.core.store.release_lease(self.core.lease.fence()).await {
            tracing::warn!(error = error.chain(), "lease not given back; it ends by itself");
        }
    }

    /// Ends when [`Orchestrator::shutdown`] is called: then streams to clients should end too.
    pub async fn until_shutdown(&self) {
        // An error would mean that the tasks are gone, and `self` holds them.
        self.tasks.stopping().raised().await;
    }
}

impl OrchestratorBuilder {
    /// Where the state is kept.
    #[must_use]
    pub fn store(mut self, store: impl StateStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Where the state is kept, shared with others.
    #[must_use]
    pub fn shared_store(mut self, store: Arc<dyn StateStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// How jobs are run; without this, as containers on the servers of the pool.
    #[must_use]
    pub fn jobs(mut self, jobs: Arc<dyn AgentRunner>) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Who names sessions; without this, plain rules do.
    #[must_use]
    pub fn session_namer(mut self, namer: impl SessionNamer) -> Self {
        self.namer = Arc::new(namer);
        self
    }

    /// Time and randomness, for tests and the simulator.
    #[must_use]
    pub fn environment(mut self, env: Environment) -> Self {
        self.env = env;
        self
    }

    /// How it behaves.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// What goes wrong in steps on purpose.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn injector(mut self, injector: Arc<dyn crate::orchestrator::Injector>) -> Self {
        self.injector = Some(injector);
        self
    }

    /// Takes the master's lease, connects to every known server, and takes up the work that was left.
    ///
    /// # Errors
    /// When the store cannot be reached. Servers that do not answer are no error: they are offline.
    pub async fn start(self) -> Result<Orchestrator> {
        let store = match self.store {
            Some(store) => store,
            None => Arc::new(MemoryStore::new(self.env.clone())),
        };
        let asked = Instant::now();
        let held = store.acquire_lease(&self.config.master, self.config.lease_ttl).await?;
        let lease = Arc::new(LeaseKeeper::new(&held, asked));
        let fleet = store.fleet_id().await?;
        let tasks = Arc::new(Tasks::new());
        let pool: Arc<dyn ServerPool> = Arc::new(LeasedPool::new(self.pool, Arc::clone(&lease)));
        let jobs: Arc<dyn AgentRunner> = match self.jobs {
            Some(own) => Arc::new(LeasedRunner::new(own, Arc::clone(&lease))),
            None => Arc::new(ServerJobs::new(Arc::clone(&pool), fleet)),
        };
        let core = Arc::new(Core {
            store,
            pool,
            uses: Uses::new(self.env.clone()),
            pass: Pass::default(),
            connections: Connections::default(),
            env: self.env,
            config: self.config,
            fleet,
            lease,
            hub: Hub::default(),
            breakers: Breakers::default(),
            channels: Channels::default(),
            watched: Watched::default(),
            cursor: AtomicU64::new(0),
            ledger: FleetLedger::default(),
            snapshot: FleetSnapshot::default(),
            starting: Starting::default(),
            jobs,
            at_work: Starting::default(),
            credentials: Credentials::default(),
            namer: self.namer,
            tasks: Arc::downgrade(&tasks),
            #[cfg(any(test, feature = "testing"))]
            injector: self.injector,
        });
        core.connect_known_servers().await?;
        tasks.spawn(until_stop(&tasks, lease::keep(Arc::clone(&core))));
        tasks.spawn(until_stop(&tasks, probe::keep_probing(Arc::clone(&core))));
        tasks.spawn(until_stop(&tasks, reconcile::keep_working(Arc::clone(&core))));
        tasks.spawn(until_stop(&tasks, reconcile::keep_reconciling(Arc::clone(&core))));
        tracing::info!(%fleet, master = %held.fence.master, epoch = held.fence.epoch, "fleet started");
        Ok(Orchestrator { core, tasks })
    }
}

/// The work, cut short when the fleet shuts down.
fn until_stop<F: Future<Output = ()> + Send>(tasks: &Tasks, work: F) -> impl Future<Output = ()> + Send + use<F> {
    let stopping = tasks.stopping();
    async move {
        tokio::select! {
            biased;
            () = stopping.raised() => {}
            () = work => {}
        }
    }
}
