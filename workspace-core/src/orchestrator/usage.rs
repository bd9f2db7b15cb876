//! What workspaces had while they ran: sums of the recorded intervals.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{OwnerId, WorkspaceId};
use crate::model::{Scope, UsageInterval};
use crate::orchestrator::{Caller, Core, Orchestrator, validate};
use crate::port::UsageFilter;

/// So many intervals are read at once.
const AT_ONCE: u32 = 1_000;

/// Which part of the past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageWindow {
    /// From then on; from the beginning when absent.
    pub from: Option<Timestamp>,
    /// Until then, which is not counted; until now when absent or to come.
    pub to: Option<Timestamp>,
}

/// What was had, in amounts times microseconds: exact, however much it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageSum {
    running: u128,
    cpu: u128,
    memory: u128,
    gpus: u128,
}

impl UsageSum {
    fn add(&mut self, other: Self) {
        self.running += other.running;
        self.cpu += other.cpu;
        self.memory += other.memory;
        self.gpus += other.gpus;
    }

    /// Seconds that it ran.
    pub fn running_seconds(&self) -> f64 {
        seconds(self.running)
    }

    /// Cores reserved, times seconds.
    pub fn cpu_seconds(&self) -> f64 {
        seconds(self.cpu) / 1e3
    }

    /// GiB of memory reserved, times seconds.
    pub fn memory_gib_seconds(&self) -> f64 {
        seconds(self.memory) / 1_024.0
    }

    /// GPUs reserved, times seconds.
    pub fn gpu_seconds(&self) -> f64 {
        seconds(self.gpus)
    }
}

#[expect(clippy::cast_precision_loss, reason = "sums are exact; what is shown has 15 digits")]
fn seconds(micros: u128) -> f64 {
    micros as f64 / 1e6
}

/// What was had in a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// From when, as asked.
    pub from: Option<Timestamp>,
    /// Until when.
    pub to: Timestamp,
    /// All together.
    pub total: UsageSum,
    /// Each workspace that ran in the window, also those that are gone, with its owner.
    pub workspaces: BTreeMap<WorkspaceId, (OwnerId, UsageSum)>,
}

impl Orchestrator {
    /// What the workspaces of an owner had in a window; of everyone for an administrator who names nobody.
    ///
    /// # Errors
    /// `Forbidden` when somebody else names another owner; `Invalid` when the window ends before it begins.
    pub async fn usage(&self, caller: &Caller, owner: Option<OwnerId>, window: UsageWindow) -> Result<Usage> {
        caller.require(Scope::WorkspacesRead)?;
        let owner = match owner {
            None if caller.is_admin() => None,
            owner => Some(caller.acting_for(owner)?),
        };
        let filter = UsageFilter { owner, ..UsageFilter::default() };
        self.core.usage(filter, window).await.map(|(usage, _)| usage)
    }

    /// What one workspace of the caller's had in a window, with the intervals that touch it, in order.
    ///
    /// # Errors
    /// As [`Orchestrator::usage`].
    pub async fn workspace_usage(
        &self,
        caller: &Caller,
        id: WorkspaceId,
        window: UsageWindow,
    ) -> Result<(Usage, Vec<UsageInterval>)> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesRead, id).await?;
        self.core.usage(UsageFilter { workspace: Some(row.id), ..UsageFilter::default() }, window).await
    }
}

impl Core {
    /// The sums; and the intervals, where they are of one workspace.
    async fn usage(&self, filter: UsageFilter, window: UsageWindow) -> Result<(Usage, Vec<UsageInterval>)> {
        let now = self.env.now();
        let to = window.to.map_or(now, |to| to.min(now));
        validate::window(window.from, window.to)?;
        let filter = UsageFilter { from: window.from, to: Some(to), ..filter };
        let mut usage = Usage { from: window.from, to, total: UsageSum::default(), workspaces: BTreeMap::new() };
        let (mut after, mut intervals) = (None, Vec::new());
        loop {
            let page = self.store.usage(&filter, after, AT_ONCE).await?;
            for one in &page {
                let sum = within(one, window.from, to);
                usage.total.add(sum);
                let of_this = usage.workspaces.entry(one.workspace);
                of_this.or_insert_with(|| (one.owner.clone(), UsageSum::default())).1.add(sum);
            }
            let Some(last) = page.last() else { return Ok((usage, intervals)) };
            after = Some((last.workspace, last.seq));
            if filter.workspace.is_some() {
                intervals.extend(page);
            }
        }
    }
}

/// The part of an interval that lies in a window.
fn within(one: &UsageInterval, from: Option<Timestamp>, to: Timestamp) -> UsageSum {
    let began = from.map_or(one.began, |from| one.began.max(from));
    let ended = one.ended.map_or(to, |(ended, _)| ended.min(to));
    let running = ended.since(began).as_micros();
    let amount = one.running.resources;
    UsageSum {
        running,
        cpu: running * u128::from(amount.cpu_millis),
        memory: running * u128::from(amount.memory_mib),
        gpus: running * u128::from(amount.gpus),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::error::ErrorKind;
    use crate::model::UsageEnd;
    use crate::orchestrator::NewWorkspace;
    use crate::orchestrator::test_fleet::fleet_of;
    use crate::resources::Resources;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn what_ran_is_summed_within_the_window() {
        let (world, fleet, _) = fleet_of(["one"]).await;
        let admin = Caller::admin();
        let anna = Caller::owner("anna");
        let mut new = NewWorkspace::new("hello", "base");
        new.spec.resources = Resources { cpu_millis: 500, memory_mib: 256, disk_gib: 1, slots: 0, gpus: 0 };
        let id = fleet.create_workspace(&anna, new, None).await.unwrap().id;
        fleet.wait(&anna, id, MINUTE).await.unwrap();
        let began = world.environment().now();
        sleep(10 * MINUTE).await;
        fleet.stop_workspace(&anna, id).await.unwrap();
        let row = fleet.wait(&anna, id, MINUTE).await.unwrap();
        assert_eq!(row.observed.error, None);
        sleep(10 * MINUTE).await;

        let whole = UsageWindow::default();
        let (usage, intervals) = fleet.workspace_usage(&anna, id, whole).await.unwrap();
        let [one] = &intervals[..] else { panic!("{intervals:?}") };
        assert_eq!(one.ended.map(|(_, end)| end), Some(UsageEnd::Stopped));
        let ran = usage.total.running_seconds();
        assert!((600.0..601.0).contains(&ran), "{ran}");
        assert!((usage.total.cpu_seconds() - ran / 2.0).abs() < 1e-6, "{usage:?}");
        assert!((usage.total.memory_gib_seconds() - ran / 4.0).abs() < 1e-6, "{usage:?}");

        // Three minutes of it.
        let window = UsageWindow { from: Some(began.plus(2 * MINUTE)), to: Some(began.plus(5 * MINUTE)) };
        let part = fleet.usage(&anna, None, window).await.unwrap();
        assert!((part.total.cpu_seconds() - 90.0).abs() < f64::EPSILON, "{part:?}");
        assert_eq!(part.workspaces.keys().collect::<Vec<_>>(), [&id]);
        let later = UsageWindow { from: Some(began.plus(15 * MINUTE)), to: None };
        assert_eq!(fleet.usage(&anna, None, later).await.unwrap().workspaces, BTreeMap::new());

        // What is gone was still had, and is everybody's own.
        fleet.delete_workspace(&anna, id, None).await.unwrap();
        sleep(MINUTE).await;
        assert_eq!(fleet.usage(&anna, None, whole).await.unwrap().total, usage.total);
        assert_eq!(fleet.usage(&admin, None, whole).await.unwrap().total, usage.total);
        assert_eq!(fleet.usage(&admin, Some(OwnerId::new("anna")), whole).await.unwrap().total, usage.total);
        let bert = Caller::owner("bert");
        assert_eq!(fleet.usage(&bert, None, whole).await.unwrap().total, UsageSum::default());
        let spied = fleet.usage(&bert, Some(OwnerId::new("anna")), whole).await.unwrap_err();
        assert_eq!(spied.kind(), ErrorKind::Forbidden);
        let turned = UsageWindow { from: Some(began.plus(MINUTE)), to: Some(began) };
        assert_eq!(fleet.usage(&anna, None, turned).await.unwrap_err().field(), Some("to"));
        fleet.shutdown().await;
    }
}
