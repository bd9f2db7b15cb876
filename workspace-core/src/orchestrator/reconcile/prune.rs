//! Forgets history that need not be known any more.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::orchestrator::Core;
use crate::port::{Change, Horizon, Write};

/// How often a master looks for what is too old.
const PERIOD: Duration = Duration::from_hours(1);

impl Core {
    /// Forgets what is older than it has to be kept, now and then.
    pub(super) async fn prune(&self, last: &mut Option<Timestamp>) -> Result<()> {
        let now = self.env.now();
        if last.is_some_and(|last| now.since(last) < PERIOD) {
            return Ok(());
        }
        let horizon = Horizon {
            events: now.minus(self.config.keep_events),
            audit: now.minus(self.config.keep_audit),
            answers: now.minus(self.config.keep_answers),
            ledger_changes: self.config.keep_ledger_changes,
        };
        // What is refused was another life's to do.
        let _refused = self.commit(Change::by(self.lease.fence()).with(Write::Prune(horizon))).await?;
        *last = Some(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use tokio::time::sleep;

    use super::*;
    use crate::orchestrator::test_fleet::{register, world_of};
    use crate::orchestrator::{Caller, Config, NewWorkspace, Orchestrator};
    use crate::testing::sim::SimPool;

    #[tokio::test(start_paused = true)]
    async fn old_events_go_and_a_gap_says_so() {
        let (world, admin, wait) = (world_of(["one"]), Caller::admin(), Duration::from_mins(1));
        let config = Config { keep_events: Duration::from_mins(30), ..Config::default() };
        let (pool, env) = (SimPool::new(&world), world.environment());
        let fleet = Orchestrator::builder(pool).environment(env).config(config).start().await.unwrap();
        register(&fleet, ["one"]).await;
        let id = fleet.create_workspace(&admin, NewWorkspace::new("hello", "base"), None).await.unwrap().id;
        fleet.wait(&admin, id, wait).await.unwrap();
        let before = fleet.workspace_events_page(&admin, id, 0, 1_000).await.unwrap();
        let last = before.last().unwrap().clone();
        assert!(last.seq >= 2, "{before:?}");

        sleep(2 * PERIOD).await;
        let pruned = fleet.workspace_events_page(&admin, id, 0, 1_000).await.unwrap();
        assert_eq!(pruned.iter().map(|event| event.seq).collect::<Vec<_>>(), [last.seq - 1, last.seq]);
        assert_eq!((pruned[0].kind.as_str(), &pruned[1]), ("gap", &last));
        assert_eq!(pruned[0].data, serde_json::json!({ "from": 1, "to": last.seq - 1 }));
        let told = fleet.workspace_events_page(&admin, id, last.seq - 1, 1_000).await.unwrap();
        assert_eq!(told[..], pruned[1..], "who knew of what is pruned misses nothing");
        let short = fleet.workspace_events_page(&admin, id, 0, 1).await.unwrap();
        assert_eq!(short, pruned[..1], "a page is never longer than was asked for");

        fleet.stop_workspace(&admin, id).await.unwrap();
        fleet.wait(&admin, id, wait).await.unwrap();
        let stream = fleet.workspace_events(&admin, id, 0).await.unwrap();
        let seqs: Vec<u64> = stream.take(4).map(|event| event.unwrap().seq).collect().await;
        assert_eq!(seqs, (last.seq - 1..last.seq + 3).collect::<Vec<_>>(), "the gap, then all that is known and comes");
        fleet.shutdown().await;
    }
}
