//! A fleet of one server that is this test's own: others use the shared one.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not there fails the test")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use workspace_core::model::ServerSpec;

/// Its name: that of the shared fleet and one more word, so that each run of the tests has its own.
fn name() -> String {
    format!("{}-hung", std::env::var("FLEET_NAME").unwrap_or_else(|_| "ws-test".to_owned()))
}

/// Its addresses: those of the shared fleet, a hundred further.
fn net() -> String {
    let shared = std::env::var("FLEET_NET").unwrap_or_else(|_| "10.97".to_owned());
    let (first, second) = shared.split_once('.').unwrap_or_else(|| panic!("FLEET_NET {shared:?}"));
    let second: u32 = second.parse().unwrap_or_else(|_| panic!("FLEET_NET {shared:?}"));
    format!("{first}.{}", if second < 100 { second + 100 } else { second - 100 })
}

/// The home of its server, by the rules of the fleet's scripts.
fn home() -> PathBuf {
    Path::new("/var/lib/workspace-fleet").join(name()).join("servers/1")
}

/// Holds a lock of the machine: one such fleet at a time.
pub(crate) struct OwnFleet {
    pub(crate) spec: ServerSpec,
    _lock: File,
}

impl OwnFleet {
    /// Brings it up.
    pub(crate) fn up() -> Self {
        let lock = Self::lock();
        Self { spec: Self::start(), _lock: lock }
    }

    /// Brings it up with so little disk, in MiB.
    pub(crate) fn up_with_disk(mib: u32) -> Self {
        let lock = Self::lock();
        std::fs::create_dir_all(Self::data()).unwrap();
        let options = format!("size={mib}m,mode=710");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(Self::data());
        assert!(mount.status().unwrap().success(), "no tmpfs for the server's data");
        Self { spec: Self::start(), _lock: lock }
    }

    fn lock() -> File {
        let lock = File::create(std::env::temp_dir().join(format!("workspace-fleet-{}.lock", name()))).unwrap();
        lock.lock().unwrap();
        lock
    }

    fn script(script: &str) -> Command {
        let mut command = Command::new(format!("{}/../fleet/{script}", env!("CARGO_MANIFEST_DIR")));
        command.env("FLEET_NAME", name()).env("FLEET_NET", net()).env("FLEET_S3", "0").env_remove("FLEET_HOME");
        command
    }

    /// Starts what does not run of it.
    pub(crate) fn start() -> ServerSpec {
        let output = Self::script("up").arg("1").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "fleet/up failed: {told}");
        let specs: Vec<ServerSpec> = serde_json::from_slice(&output.stdout).unwrap();
        specs.into_iter().next().unwrap()
    }

    /// Where its daemon keeps everything.
    pub(crate) fn data() -> PathBuf {
        home().join("data")
    }

    /// Signals the daemon's own process.
    pub(crate) fn signal(signal: &str) {
        let file = home().join("docker.pid");
        let pid = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(Command::new("kill").args([signal, pid.trim()]).status().unwrap().success());
    }
}

impl Drop for OwnFleet {
    fn drop(&mut self) {
        // One that is stopped would not hear that it should end.
        if std::fs::exists(home().join("docker.pid")).is_ok_and(|there| there) {
            Self::signal("-CONT");
        }
        let down = Self::script("down").output();
        assert!(down.is_ok_and(|output| output.status.success()), "fleet/down failed");
    }
}
