//! A fleet of one server that is this test's own: others use the shared one.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not there fails the test")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use workspace_core::model::ServerSpec;

/// The home of its server, by the rules of the fleet's scripts.
const HOME: &str = "/var/lib/workspace-fleet/ws-hung/servers/1";

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
        let lock = File::create(std::env::temp_dir().join("workspace-fleet-ws-hung.lock")).unwrap();
        lock.lock().unwrap();
        lock
    }

    fn script(name: &str) -> Command {
        let mut command = Command::new(format!("{}/../fleet/{name}", env!("CARGO_MANIFEST_DIR")));
        command.env("FLEET_NAME", "ws-hung").env("FLEET_NET", "10.91").env("FLEET_S3", "0").env_remove("FLEET_HOME");
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
        Path::new(HOME).join("data")
    }

    /// Signals the daemon's own process.
    pub(crate) fn signal(signal: &str) {
        let file = Path::new(HOME).join("docker.pid");
        let pid = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(Command::new("kill").args([signal, pid.trim()]).status().unwrap().success());
    }
}

impl Drop for OwnFleet {
    fn drop(&mut self) {
        // One that is stopped would not hear that it should end.
        if std::fs::exists(Path::new(HOME).join("docker.pid")).is_ok_and(|there| there) {
            Self::signal("-CONT");
        }
        let down = Self::script("down").output();
        assert!(down.is_ok_and(|output| output.status.success()), "fleet/down failed");
    }
}
