//! A daemon that is stopped with SIGSTOP: it accepts connections and never answers. A fleet of this test's own, since
//! others use the shared one.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not there fails the test")]

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use workspace_core::error::ErrorKind;
use workspace_core::model::ServerSpec;

use crate::common::Bench;

/// Holds a lock of the machine: one such fleet at a time.
struct OwnFleet(#[expect(dead_code, reason = "held until the fleet is down")] File);

impl OwnFleet {
    fn script(name: &str) -> Command {
        let mut command = Command::new(format!("{}/../fleet/{name}", env!("CARGO_MANIFEST_DIR")));
        command.env("FLEET_NAME", "ws-hung").env("FLEET_NET", "10.91").env("FLEET_S3", "0").env_remove("FLEET_HOME");
        command
    }

    fn up() -> (Self, ServerSpec) {
        let lock = File::create(std::env::temp_dir().join("workspace-fleet-ws-hung.lock")).unwrap();
        lock.lock().unwrap();
        let output = Self::script("up").arg("1").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "fleet/up failed: {told}");
        let specs: Vec<ServerSpec> = serde_json::from_slice(&output.stdout).unwrap();
        (Self(lock), specs.into_iter().next().unwrap())
    }

    /// The daemon's own process.
    fn signal(signal: &str) {
        let file = "/var/lib/workspace-fleet/ws-hung/servers/1/docker.pid";
        let pid = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(Command::new("kill").args([signal, pid.trim()]).status().unwrap().success());
    }
}

impl Drop for OwnFleet {
    fn drop(&mut self) {
        Self::signal("-CONT");
        let down = Self::script("down").output();
        assert!(down.is_ok_and(|output| output.status.success()), "fleet/down failed");
    }
}

#[tokio::test]
async fn a_stopped_daemon_is_told_within_the_deadline_of_each_call() {
    let (fleet, spec) = OwnFleet::up();
    let bench = Bench::plain(spec).await;
    bench.server.probe().await.unwrap();
    OwnFleet::signal("-STOP");
    let within = |limit: u64, started: Instant| {
        let took = started.elapsed();
        assert!(took < Duration::from_secs(limit), "{took:?}");
    };
    let started = Instant::now();
    assert_eq!(bench.server.probe().await.unwrap_err().kind(), ErrorKind::Timeout);
    within(5, started);
    let started = Instant::now();
    assert_eq!(bench.server.inspect_container("ws-nobody").await.unwrap_err().kind(), ErrorKind::Timeout);
    within(12, started);
    OwnFleet::signal("-CONT");
    bench.server.probe().await.unwrap();
    drop(fleet);
}
