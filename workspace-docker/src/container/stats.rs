//! What a container uses.

use std::net::Ipv4Addr;

use bollard::models::{ContainerCpuStats, ContainerMemoryStats, ContainerStatsResponse};
use bollard::query_parameters::StatsOptionsBuilder;
use futures::StreamExt;
use workspace_core::error::Result;
use workspace_core::port::{ContainerStats, ContainerStatus};

use crate::call::Call;
use crate::container::inspect;
use crate::engine::Engine;
use crate::server::not_running;

/// Asks the Engine, which takes two samples a second apart, so that processor use of late is known.
pub(crate) async fn stats(engine: &Engine, name: &str) -> Result<ContainerStats> {
    if let Some(stats) = sample(engine, name, Until::Answered).await? {
        return Ok(stats);
    }
    // An Engine with much to do also answers without numbers for one that does run.
    let state = inspect(engine, name, Ipv4Addr::UNSPECIFIED.into()).await?;
    if state.is_none_or(|state| state.status != ContainerStatus::Running) {
        return Err(not_running(name));
    }
    sample(engine, name, Until::Measured).await?.ok_or_else(|| not_running(name))
}

/// For what to wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// For an answer, with or without numbers.
    Answered,
    /// For numbers; a container that does not run has none until the deadline.
    Measured,
}

async fn sample(engine: &Engine, name: &str, until: Until) -> Result<Option<ContainerStats>> {
    let stream = until == Until::Measured;
    let options = StatsOptionsBuilder::new().stream(stream).one_shot(false).build();
    let mut answers = engine.docker().stats(name, Some(options)).boxed();
    let asked = async {
        while let Some(answer) = answers.next().await.transpose()? {
            let stats = from_answer(&answer);
            if stats.is_some() {
                return Ok(stats);
            }
        }
        Ok(None)
    };
    let asked = engine.call(Call::ContainerStats, asked).await;
    asked.map_err(|failure| engine.error(failure, format!("measure container {name}")))
}

/// `None` for a container that does not run: its numbers are absent.
fn from_answer(answer: &ContainerStatsResponse) -> Option<ContainerStats> {
    let cpu = answer.cpu_stats.as_ref()?;
    cpu.system_cpu_usage?;
    let networks = answer.networks.iter().flat_map(|networks| networks.values());
    let (rx, tx) = networks.fold((0u64, 0u64), |(rx, tx), network| {
        (rx.saturating_add(network.rx_bytes.unwrap_or(0)), tx.saturating_add(network.tx_bytes.unwrap_or(0)))
    });
    let memory = answer.memory_stats.as_ref();
    Some(ContainerStats {
        cpu_nanos: total(cpu),
        cpu_millis: answer.precpu_stats.as_ref().map_or(0, |before| cpu_millis(before, cpu)),
        memory_bytes: memory.map_or(0, memory_in_use),
        memory_limit_bytes: memory.and_then(|memory| memory.limit).unwrap_or(0),
        pids: answer.pids_stats.as_ref().and_then(|pids| pids.current).unwrap_or(0),
        network_rx_bytes: rx,
        network_tx_bytes: tx,
    })
}

fn total(cpu: &ContainerCpuStats) -> u64 {
    cpu.cpu_usage.as_ref().and_then(|usage| usage.total_usage).unwrap_or(0)
}

fn cpu_millis(before: &ContainerCpuStats, now: &ContainerCpuStats) -> u64 {
    let used = u128::from(total(now).saturating_sub(total(before)));
    let of = now.system_cpu_usage.unwrap_or(0).saturating_sub(before.system_cpu_usage.unwrap_or(0));
    let cores = u128::from(now.online_cpus.unwrap_or(1).max(1));
    if of == 0 { 0 } else { u64::try_from(used * cores * 1000 / u128::from(of)).unwrap_or(u64::MAX) }
}

/// Without the page cache that the kernel gives up first, as `docker stats` counts it: control groups name it
/// `total_inactive_file` in version 1 and `inactive_file` in version 2.
fn memory_in_use(memory: &ContainerMemoryStats) -> u64 {
    let stats = memory.stats.as_ref();
    let cache = stats.and_then(|stats| stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")));
    memory.usage.unwrap_or(0).saturating_sub(cache.copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_a_share_of_all_cores() {
        let sample = |total: u64, system: u64| -> ContainerCpuStats {
            serde_json::from_value(serde_json::json!({
                "cpu_usage": {"total_usage": total}, "system_cpu_usage": system, "online_cpus": 4
            }))
            .unwrap()
        };
        assert_eq!(cpu_millis(&sample(0, 0), &sample(500, 2000)), 1000);
        assert_eq!(cpu_millis(&sample(5, 5), &sample(5, 5)), 0);
    }
}
