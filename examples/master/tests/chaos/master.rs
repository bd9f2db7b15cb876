//! A master that is killed and started again at the same address.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::api::{Api, TOKEN};
use crate::engines;
use crate::running;

#[derive(Debug)]
pub(crate) struct Master {
    folder: PathBuf,
    variables: Vec<(String, String)>,
    pub(crate) api: Api,
    child: Mutex<Option<Child>>,
}

impl Master {
    /// Starts one with its data and its log in this folder.
    pub(crate) fn start(folder: &Path, variables: Vec<(String, String)>) -> Self {
        let address = free_address();
        let (folder, child) = (folder.to_owned(), Mutex::default());
        let master = Self { folder, variables, api: Api { address }, child };
        master.start_again();
        master
    }

    /// Starts it where it was, and waits until it answers.
    pub(crate) fn start_again(&self) {
        let listen = self.api.address.to_string();
        let mut variables: Vec<(&str, &str)> =
            vec![("LISTEN", &listen), ("WORKSPACE_TOKEN", TOKEN), ("RUST_LOG", "info")];
        variables.extend(self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        // A pipe that nobody reads would hold it up.
        let log = OpenOptions::new().create(true).append(true).open(self.folder.join("master.log")).unwrap();
        let mut command = running::master(&self.folder.join("data"), &variables);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        *self.child.lock().unwrap() = Some(child);
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.api.try_get("/admin/fleet").is_ok_and(|answer| answer.is_ok()) {
            assert!(Instant::now() < deadline, "the master does not answer: see {}", self.folder.display());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGKILL, in the middle of whatever it does. Returns when it is gone.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.lock().unwrap().as_ref().unwrap().id();
        engines::run("kill", &[signal, &id.to_string()]);
    }

    /// Asks it to end in order, as an operator does.
    pub(crate) fn end(&self) {
        let child = self.child.lock().unwrap().take();
        if let Some(mut child) = child {
            engines::run("kill", &["-TERM", &child.id().to_string()]);
            let deadline = Instant::now() + Duration::from_secs(15);
            while child.try_wait().unwrap().is_none() {
                assert!(Instant::now() < deadline, "the master does not end");
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An address that stays the same over restarts, so that clients find it again.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}

/// A database of its own in the fleet's Postgres.
pub(crate) fn database(name: &str) -> String {
    let script = Command::new(format!("{}/../../fleet/postgres", env!("CARGO_MANIFEST_DIR")))
        .args(["drop", name])
        .env("FLEET_HOME", engines::home())
        .output()
        .unwrap();
    assert!(script.status.success(), "{}", String::from_utf8_lossy(&script.stderr));
    engines::script("postgres", &["database", name])
}
