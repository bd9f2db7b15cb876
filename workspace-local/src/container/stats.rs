//! What a container uses.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use rustix::param::{clock_ticks_per_second, page_size};
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::ContainerStats;

use crate::container::entity::Container;

/// A first look is followed by a second this much later, so that "of late" means something.
const BETWEEN: Duration = Duration::from_millis(100);

/// Processor time at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    at: Instant,
    nanos: u64,
}

impl Container {
    /// What its processes use, the ended ones left out; the network is the machine's and not told.
    pub(crate) async fn stats(&self) -> Result<ContainerStats> {
        let before = *self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match before {
            Some(sample) if sample.at.elapsed() >= BETWEEN => sample,
            _ => {
                let (_, first) = self.look()?;
                tokio::time::sleep(BETWEEN).await;
                first
            }
        };
        let (mut stats, now) = self.look()?;
        let used = u128::from(now.nanos.saturating_sub(before.nanos));
        let of = now.at.duration_since(before.at).as_nanos().max(1);
        stats.cpu_millis = u64::try_from(used * 1_000 / of).unwrap_or(u64::MAX);
        *self.sample.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(stats)
    }

    fn look(&self) -> Result<(ContainerStats, Sample)> {
        let Some(tree) = self.life().as_ref().map(|life| life.tree().clone()) else {
            return Err(Error::new(ErrorKind::NotRunning, format!("container {} is not running", self.name())));
        };
        let members = tree.members();
        let sum = |part: fn(&crate::process::Entry) -> u64| members.iter().map(part).sum::<u64>();
        let nanos = sum(|entry| entry.ticks).saturating_mul(1_000_000_000 / clock_ticks_per_second().max(1));
        let stats = ContainerStats {
            cpu_nanos: nanos,
            memory_bytes: sum(|entry| entry.pages).saturating_mul(page_size() as u64),
            pids: sum(|entry| entry.threads),
            ..ContainerStats::default()
        };
        Ok((stats, Sample { at: Instant::now(), nanos }))
    }
}
