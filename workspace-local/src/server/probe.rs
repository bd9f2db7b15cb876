//! What this machine has.

use std::fs;
use std::path::Path;

use rustix::fs::statvfs;
use workspace_core::clock::{Clock as _, SystemClock};
use workspace_core::error::Result;
use workspace_core::model::Probe;
use workspace_core::resources::Resources;

use crate::server::folder::disk_error;

/// As many workspaces as a machine runs without trouble, unless an admin says otherwise.
const SLOTS: u64 = 50;

/// The totals of the machine, and of the disk that the folder is on.
pub(super) fn probe(folder: &Path) -> Result<Probe> {
    let disk = statvfs(folder).map_err(|error| disk_error(error.into()))?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    Ok(Probe {
        totals: Resources {
            cpu_millis: cores * 1_000,
            memory_mib: memory_mib(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
            disk_gib: disk.f_blocks.saturating_mul(disk.f_frsize) >> 30,
            slots: SLOTS,
            gpus: 0,
        },
        engine: concat!("local ", env!("CARGO_PKG_VERSION")).to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        server_time: Some(SystemClock.now()),
        certificate_expires_at: None,
        warnings: vec!["a local server isolates nothing: programs run as the master's own user".to_owned()],
    })
}

fn memory_mib(meminfo: &str) -> u64 {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    total.and_then(|text| text.split_ascii_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_something() {
        let probe = probe(Path::new("/")).unwrap();
        assert!(probe.totals.cpu_millis >= 1_000 && probe.totals.memory_mib > 100, "{probe:?}");
        assert_eq!(memory_mib("MemFree: 1 kB\nMemTotal:       2048 kB\n"), 2);
    }
}
