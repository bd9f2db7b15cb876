//! How a server is and what it has.

use bollard::models::{SystemInfo, SystemVersion};
use tokio::sync::OnceCell;
use workspace_core::clock::Timestamp;
use workspace_core::error::Result;
use workspace_core::model::Probe;
use workspace_core::resources::Resources;

use crate::call::Call;
use crate::engine::Engine;
use crate::failure::Failure;

/// Places for workspaces when the record does not limit them: more shims and bridges than this slow an Engine down.
const SLOTS: u64 = 50;
/// The Engine does not tell how large its disk is.
const ASSUMED_DISK_GIB: u64 = 100;

/// How often a connection that broke is made again to learn why.
const REPEATS: u32 = 4;

/// What is asked once per connection: a daemon is not updated without ending it.
pub(crate) type Versions = OnceCell<SystemVersion>;

/// Asks the Engine: a ping, which alone says in seconds whether it lives, and at the same time what it has, which
/// takes a busy Engine longer. `capacity` is what the record says: what it names is not guessed.
pub(crate) async fn probe(
    engine: &Engine,
    versions: &Versions,
    capacity: Resources,
    certificate_expires_at: Option<Timestamp>,
) -> Result<Probe> {
    let mut repeats = if certificate_expires_at.is_some() { REPEATS } else { 0 };
    let (info, version) = loop {
        match ask(engine, versions).await {
            // A server tells that it refuses our certificate after the handshake, and closes: which of the two we see
            // first is chance, and only the one says what is wrong.
            Err(Failure::Broken(_)) if repeats > 0 => repeats -= 1,
            answer => break answer.map_err(|failure| engine.error(failure, "say how it is"))?,
        }
    };
    Ok(Probe {
        totals: totals(&info),
        engine: format!("Docker {}", info.server_version.as_deref().unwrap_or("of unknown version")),
        architecture: info.architecture.clone().unwrap_or_default(),
        server_time: info.system_time.as_deref().and_then(|time| Timestamp::parse(time).ok()),
        certificate_expires_at,
        warnings: warnings(&info, version, capacity),
    })
}

async fn ask<'a>(engine: &Engine, versions: &'a Versions) -> Result<(SystemInfo, &'a SystemVersion), Failure> {
    let info = engine.call(Call::Info, engine.docker().info());
    let version = versions.get_or_try_init(|| engine.call(Call::Version, engine.docker().version()));
    let ((), info, version) = futures::try_join!(engine.ping(), info, version)?;
    Ok((info, version))
}

fn totals(info: &SystemInfo) -> Resources {
    let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    Resources {
        cpu_millis: count(info.ncpu).saturating_mul(1000),
        memory_mib: count(info.mem_total) >> 20,
        disk_gib: told_disk_gib(info).unwrap_or(ASSUMED_DISK_GIB),
        slots: SLOTS,
        gpus: gpus(info),
    }
}

/// Only a few storage drivers tell their size, such as `Data Space Total: 107.4GB`.
fn told_disk_gib(info: &SystemInfo) -> Option<u64> {
    let status = info.driver_status.as_ref()?;
    let told = status.iter().find(|pair| pair.first().is_some_and(|name| name == "Data Space Total"))?.get(1)?;
    let digits = told.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = told.split_at(digits);
    let (whole, _) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    let whole: u64 = whole.parse().ok()?;
    match unit {
        "GB" => Some(whole.saturating_mul(1_000_000_000) >> 30),
        "TB" => Some(whole.saturating_mul(1_000_000_000_000) >> 30),
        _ => None,
    }
}

/// GPUs that the operator declared to the daemon (`node-generic-resources`); others must be in the record.
fn gpus(info: &SystemInfo) -> u64 {
    let gpu = |kind: Option<&String>| kind.is_some_and(|kind| kind.to_lowercase().contains("gpu"));
    info.generic_resources.iter().flatten().fold(0, |sum: u64, resource| {
        let named = resource.named_resource_spec.as_ref().filter(|named| gpu(named.kind.as_ref())).map(|_| 1);
        let counted = resource.discrete_resource_spec.as_ref().filter(|counted| gpu(counted.kind.as_ref()));
        let counted = counted.and_then(|counted| counted.value).and_then(|value| u64::try_from(value).ok());
        sum.saturating_add(named.or(counted).unwrap_or(0))
    })
}

fn warnings(info: &SystemInfo, version: &SystemVersion, capacity: Resources) -> Vec<String> {
    let mut warnings = Vec::new();
    if capacity.disk_gib == 0 && told_disk_gib(info).is_none() {
        warnings
            .push(format!("the Engine does not tell its disk: {ASSUMED_DISK_GIB} GiB assumed, set capacity.disk_gib"));
    }
    if info.live_restore_enabled == Some(false) {
        warnings.push("a restart of the daemon ends every container: set live-restore in daemon.json".to_owned());
    }
    if info.memory_limit == Some(false) || info.pids_limit == Some(false) || info.cpu_cfs_quota == Some(false) {
        warnings.push("the kernel does not enforce every limit of memory, processes and cores".to_owned());
    }
    let runc = version.components.iter().flatten().find(|component| component.name == "runc");
    if let Some(runc) = runc.filter(|runc| is_before(&runc.version, [1, 1, 12])) {
        warnings.push(format!(
            "runc {} is older than 1.1.12 (CVE-2024-21626): update it, unless your distribution mended it",
            runc.version
        ));
    }
    warnings
}

fn is_before(version: &str, wanted: [u32; 3]) -> bool {
    let mut parts = version.split(|letter: char| !letter.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let found: [u32; 3] = std::array::from_fn(|_| parts.next().unwrap_or(0));
    found < wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_before("1.1.5+ds1", [1, 1, 12]));
        assert!(!is_before("1.1.12", [1, 1, 12]));
        assert!(!is_before("1.2.0-rc.1", [1, 1, 12]));
    }

    #[test]
    fn what_the_engine_declares_is_counted() {
        let info: SystemInfo = serde_json::from_value(serde_json::json!({
            "NCPU": 8, "MemTotal": 34_359_738_368_i64, "DriverStatus": [["Data Space Total", "107.4GB"]],
            "GenericResources": [
                {"NamedResourceSpec": {"Kind": "NVIDIA-GPU", "Value": "GPU-1"}},
                {"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}},
                {"DiscreteResourceSpec": {"Kind": "ssd", "Value": 3}}
            ]
        }))
        .unwrap();
        let expected = Resources { cpu_millis: 8000, memory_mib: 32768, disk_gib: 99, slots: 50, gpus: 3 };
        assert_eq!(totals(&info), expected);
    }
}
