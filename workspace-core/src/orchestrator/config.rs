//! How a fleet behaves.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::MasterId;
use crate::job::GitAuthor;
use crate::model::{ServerSpec, StrategyKind};
use crate::port::{Profile, PullPolicy, RegistryCredentials};
use crate::resources::Resources;
use crate::secret::Secret;

/// A named kind of workspace that requests can ask for by `type`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Template {
    /// The image.
    pub image: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// TCP ports to publish.
    pub ports: Vec<u16>,
    /// What it may use.
    pub resources: Resources,
    /// How much it is trusted.
    pub profile: Profile,
}

/// How a fleet behaves; every field has a sane default.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of this master; the same after its restart.
    pub master: MasterId,
    /// How long the lease of a master lasts; it is renewed six times as often. What is left then must outlive any one
    /// call to a server, which may take 75 seconds.
    pub lease_ttl: Duration,
    /// How placement chooses when the request does not say.
    pub strategy: StrategyKind,
    /// Servers whose utilisation differs from the best by at most this many thousandths of one dimension are as good:
    /// each master chooses its own among them, so that several masters do not take the same server. 0 takes the best.
    /// Strategies that fill up servers do without: each master fills a part of the servers of its own first.
    pub near_equal_thousandths: u32,
    /// What a workspace gets in the dimensions that it does not ask for.
    pub default_resources: Resources,
    /// How much workspaces without a template are trusted.
    pub default_profile: Profile,
    /// The kinds of workspace that requests can ask for.
    pub templates: BTreeMap<String, Template>,
    /// When images are fetched.
    pub pull: PullPolicy,
    /// How to log in to registries.
    pub registries: Vec<RegistryCredentials>,
    /// How many workspaces one server starts at once; new ones go elsewhere where there is room, else they wait.
    pub max_starting_per_server: usize,
    /// How often every server is asked how it is.
    pub probe_interval: Duration,
    /// How long a server must be offline before its workspaces are shown as lost. Nothing is moved then, and they are
    /// found again when it is back.
    pub lost_after: Duration,
    /// How often every server's objects are compared with the rows.
    pub reconcile_interval: Duration,
    /// How many workspaces leave a server at once while it is drained.
    pub drain_parallel: usize,
    /// How old an object without a row must be before it is removed.
    pub orphan_grace: Duration,
    /// How long a shutdown waits for what is going on; the next start takes up what was cut.
    pub shutdown_grace: Duration,
    /// How long a container may take to end by itself.
    pub stop_grace: Duration,
    /// How long a workspace may take to start, its pull included, before it is given up.
    pub start_deadline: Duration,
    /// Where snapshots go and how to get in, as the worker's storage takes it; without it there are none.
    pub storage: Option<Secret>,
    /// Which addresses and transports git remotes may have, as the worker's git takes it; null is its default.
    pub git_policy: serde_json::Value,
    /// Who is named in commits.
    pub git_author: GitAuthor,
    /// What a data job may use.
    pub job_resources: Resources,
    /// How many data jobs one server runs at once where its record does not say; more wait. Nothing is set off for
    /// these.
    pub job_slots: usize,
    /// How long the stop of a workspace waits for the snapshot that its project's policy wants. Then it goes on, and
    /// the snapshot may still come.
    pub stop_snapshot_wait: Duration,
    /// How long a data job may take.
    pub job_time_limit: Duration,
    /// How often streams and waiters look for what other masters wrote.
    pub poll_interval: Duration,
    /// How long events of workspaces, servers and the fleet are kept; who asks for older ones is told so by a `gap`
    /// event. Those of a session stay as long as the session.
    pub keep_events: Duration,
    /// How long entries of the audit log are kept.
    pub keep_audit: Duration,
    /// How long the answer to a request with an idempotency key is remembered.
    pub keep_answers: Duration,
    /// How many of a server's last claims and releases can be added up again afterwards.
    pub keep_ledger_changes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            master: MasterId::new("master"),
            lease_ttl: Duration::from_mins(2),
            strategy: StrategyKind::Spread,
            near_equal_thousandths: 0,
            default_resources: Resources { cpu_millis: 500, memory_mib: 512, disk_gib: 1, slots: 1, gpus: 0 },
            default_profile: Profile::Strict,
            templates: BTreeMap::new(),
            pull: PullPolicy::IfMissing,
            registries: Vec::new(),
            max_starting_per_server: 8,
            probe_interval: Duration::from_secs(5),
            lost_after: Duration::from_mins(1),
            reconcile_interval: Duration::from_secs(10),
            drain_parallel: 2,
            orphan_grace: Duration::from_mins(2),
            shutdown_grace: Duration::from_secs(5),
            stop_grace: Duration::from_secs(5),
            start_deadline: Duration::from_mins(5),
            storage: None,
            git_policy: serde_json::Value::Null,
            git_author: GitAuthor { name: "workspace-fleet".to_owned(), email: "workspace-fleet@localhost".to_owned() },
            job_resources: Resources { cpu_millis: 1_000, memory_mib: 512, disk_gib: 0, slots: 0, gpus: 0 },
            job_slots: 4,
            stop_snapshot_wait: Duration::from_mins(10),
            job_time_limit: Duration::from_hours(1),
            poll_interval: Duration::from_secs(1),
            keep_events: Duration::from_hours(30 * 24),
            keep_audit: Duration::from_hours(400 * 24),
            keep_answers: Duration::from_hours(24),
            keep_ledger_changes: 100_000,
        }
    }
}

impl Config {
    /// What the data jobs of a server may use together, where its record says how many run at once.
    pub(super) fn set_off(&self, spec: &ServerSpec) -> Resources {
        let slots = u64::from(spec.job_slots.unwrap_or_default());
        self.job_resources.zip(Resources::default(), |amount, _| amount.saturating_mul(slots))
    }
}
