//! Servers that answer and are healthy, and on which creates fail all the same.
//!
//! A circuit breaker for each, in the memory of this master: after [`FAILURES`] failed creates in a row, of more than
//! one workspace, nothing new goes there for a while. Then one is let through as a trial; what becomes of it closes or
//! opens the breaker again, for twice as long. What has its data there is started there all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};
use crate::id::{ServerId, WorkspaceId};

/// So many creates in a row must fail.
const FAILURES: u32 = 3;
/// For how long nothing new goes there after that; each failed trial doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// What became of a trial is known after this, or another one is made.
const TRIAL: Duration = Duration::from_mins(1);

/// The breakers of a master.
#[derive(Debug, Default)]
pub(super) struct Breakers(Mutex<BTreeMap<ServerId, Breaker>>);

#[derive(Debug)]
struct Breaker {
    failures: u32,
    workspaces: BTreeSet<WorkspaceId>,
    last_error: String,
    pause: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// What comes is let through.
    Closed,
    /// Nothing new is let through until then; the first after it is the trial.
    Open(Instant),
    /// The trial is under way; nothing else is let through until then.
    Trial(Instant),
}

/// How creates go on a server, as this master saw it since it was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creating {
    /// Failed creates since the last that succeeded.
    pub failures: u32,
    /// Why the last of them failed.
    pub last_error: String,
    /// For how long nothing new goes there; `None` while all is well, or when the next one is the trial.
    pub paused_for: Option<Duration>,
}

impl Breakers {
    /// A create failed for a reason that is the server's.
    pub(super) fn failed(&self, server: ServerId, workspace: WorkspaceId, error: &Error) {
        if !is_the_servers(error.kind()) {
            return;
        }
        let mut all = self.lock();
        let breaker = all.entry(server).or_insert_with(|| Breaker::new(FIRST_PAUSE));
        breaker.failures += 1;
        breaker.workspaces.insert(workspace);
        breaker.last_error = error.chain();
        // What was under way when it opened tells nothing new.
        let is_open = matches!(breaker.state, State::Open(until) if Instant::now() < until);
        if !is_open && breaker.failures >= FAILURES && breaker.workspaces.len() > 1 {
            tracing::warn!(%server, failures = breaker.failures, error = breaker.last_error, "creates fail there");
            breaker.state = State::Open(Instant::now() + breaker.pause);
            breaker.pause = (breaker.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A create succeeded.
    pub(super) fn succeeded(&self, server: ServerId) {
        if self.lock().remove(&server).is_some_and(|breaker| !matches!(breaker.state, State::Closed)) {
            tracing::info!(%server, "creates succeed there again");
        }
    }

    /// The servers where nothing new goes now, and why.
    pub(super) fn open(&self) -> Vec<(ServerId, String)> {
        let all = self.lock();
        let open = all.iter().filter(|(_, breaker)| breaker.paused_for().is_some());
        open.map(|(&server, breaker)| (server, breaker.reason())).collect()
    }

    /// Something new goes to a server. Where creates failed it is the trial, and others wait for what becomes of it.
    pub(super) fn chosen(&self, server: ServerId) {
        if let Some(breaker) = self.lock().get_mut(&server)
            && !matches!(breaker.state, State::Closed)
        {
            breaker.state = State::Trial(Instant::now() + TRIAL);
        }
    }

    /// How creates go on a server; `None` while all is well.
    pub(super) fn creating(&self, server: ServerId) -> Option<Creating> {
        let all = self.lock();
        let breaker = all.get(&server)?;
        let (failures, last_error) = (breaker.failures, breaker.last_error.clone());
        Some(Creating { failures, last_error, paused_for: breaker.paused_for() })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServerId, Breaker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Breaker {
    const fn new(pause: Duration) -> Self {
        Self { failures: 0, workspaces: BTreeSet::new(), last_error: String::new(), pause, state: State::Closed }
    }

    fn paused_for(&self) -> Option<Duration> {
        match self.state {
            State::Closed => None,
            State::Open(until) | State::Trial(until) => {
                until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            }
        }
    }

    fn reason(&self) -> String {
        format!("{} creates in a row failed there, the last one with: {}", self.failures, self.last_error)
    }
}

/// Whether a failure tells something of the server. One that does not answer is the probes' matter; an image that is
/// missing or a program that ends is the workspace's.
const fn is_the_servers(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Timeout | ErrorKind::DiskFull | ErrorKind::Internal | ErrorKind::NetworkTaken)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use crate::model::{PlacementSpec, Status, Workspace};
    use crate::orchestrator::test_fleet::fleet_of;
    use crate::orchestrator::{Caller, NewWorkspace, Orchestrator};

    const MINUTE: Duration = Duration::from_mins(1);

    /// Makes a workspace that would rather be on server one.
    async fn made(fleet: &Orchestrator, name: &str) -> Workspace {
        let mut new = NewWorkspace::new(name, "base");
        new.spec.placement = PlacementSpec { server: Some("one".to_owned()), ..PlacementSpec::default() };
        let row = fleet.create_workspace(&Caller::admin(), new, None).await.unwrap();
        fleet.wait(&Caller::admin(), row.id, 10 * MINUTE).await.unwrap()
    }

    async fn is_on(fleet: &Orchestrator, row: &Workspace, name: &str) -> bool {
        let server = fleet.server(&Caller::admin(), row.desired.server.unwrap()).await.unwrap();
        server.record.spec.name == name
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_where_creates_fail_gets_nothing_new_until_a_trial_succeeds() {
        let (world, fleet, _) = fleet_of(["one", "two"]).await;
        let old = made(&fleet, "old").await;
        assert!(is_on(&fleet, &old, "one").await);
        world.fill_disk("one", true);
        for name in ["a", "b", "c"] {
            assert_eq!(made(&fleet, name).await.observed.status, Status::Error);
        }
        let next = made(&fleet, "next").await;
        assert_eq!(next.observed.status, Status::Running, "it went elsewhere: {:?}", next.desired.placement);
        assert!(is_on(&fleet, &next, "two").await);
        let reason = &next.desired.placement.rejections[0].detail;
        assert!(reason.contains("3 creates in a row failed there"), "{reason}");

        // The trial fails, and the pause is longer.
        sleep(MINUTE).await;
        assert_eq!(made(&fleet, "trial").await.observed.status, Status::Error);
        sleep(MINUTE / 2).await;
        assert!(is_on(&fleet, &made(&fleet, "later").await, "two").await);

        world.fill_disk("one", false);
        sleep(5 * MINUTE).await;
        let back = made(&fleet, "back").await;
        assert_eq!(back.observed.status, Status::Running);
        assert!(is_on(&fleet, &back, "one").await && is_on(&fleet, &made(&fleet, "all").await, "one").await);
        assert_eq!(fleet.creating(&Caller::admin(), back.desired.server.unwrap()).unwrap(), None);
        fleet.shutdown().await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_workspace_that_fails_again_and_again_closes_no_server() {
        let (world, fleet, _) = fleet_of(["one", "two"]).await;
        let row = made(&fleet, "a").await;
        fleet.stop_workspace(&Caller::admin(), row.id).await.unwrap();
        fleet.wait(&Caller::admin(), row.id, MINUTE).await.unwrap();
        world.fill_disk("one", true);
        for _ in 0..4 {
            fleet.start_workspace(&Caller::admin(), row.id).await.unwrap();
            let failed = fleet.wait(&Caller::admin(), row.id, 10 * MINUTE).await.unwrap();
            assert_eq!(failed.observed.status, Status::Error);
        }
        world.fill_disk("one", false);
        assert!(is_on(&fleet, &made(&fleet, "b").await, "one").await);
        fleet.shutdown().await;
    }
}
