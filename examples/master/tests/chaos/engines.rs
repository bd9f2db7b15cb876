//! The Docker servers of the local fleet, and what may become of them. Only servers that `fleet/up` made are touched:
//! by the pid files, sockets and namespaces that it made under the fleet's own name.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::real_part;

#[derive(Clone, Debug)]
pub(crate) struct Engine {
    /// What the master is told of it.
    pub(crate) spec: Value,
    pub(crate) name: String,
    pub(crate) home: PathBuf,
}

/// An object on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) server: String,
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) runs: bool,
}

/// The folder of the fleet.
pub(crate) fn home() -> PathBuf {
    Path::new(&real_part("WORKSPACE_TEST_CERTS")).parent().unwrap().to_owned()
}

/// All servers of the fleet, in their order.
pub(crate) fn engines() -> Vec<Engine> {
    let servers: Vec<Value> = serde_json::from_str(&real_part("WORKSPACE_TEST_SERVERS")).unwrap();
    let engine = |(index, mut spec): (usize, Value)| {
        // What the Engine says of this small machine would end a long run early; nothing of it is ever used.
        spec["capacity"] = serde_json::json!({ "cpu_millis": 32_000, "memory_mib": 32_768, "disk_gib": 1_000 });
        spec["max_workspaces"] = Value::from(400);
        let name = spec["name"].as_str().unwrap().to_owned();
        Engine { name, spec, home: home().join(format!("servers/{}", index + 1)) }
    };
    servers.into_iter().enumerate().map(engine).collect()
}

/// Runs one of the fleet's scripts on this fleet.
pub(crate) fn script(name: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(format!("{}/../../fleet/{name}", env!("CARGO_MANIFEST_DIR")));
    let output = command.args(arguments).env("FLEET_HOME", home()).env("FLEET_PG_FSYNC", "on").output().unwrap();
    assert!(output.status.success(), "fleet/{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Starts what does not run, plugs in what was cut, loads the image where it is missing.
pub(crate) fn mend(engines: usize) {
    script("up", &[&engines.to_string()]);
}

/// Signals the process of this pid file, if its command line says that it is the one.
pub(crate) fn signal(pid_file: &Path, mark: &Path, signal: &str) {
    let pid = std::fs::read_to_string(pid_file).unwrap_or_else(|error| panic!("{}: {error}", pid_file.display()));
    let pid = pid.lines().next().unwrap_or_default().trim().to_owned();
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = String::from_utf8_lossy(&words).into_owned();
    assert!(words.contains(mark.to_str().unwrap()), "process {pid} is not what {} says", pid_file.display());
    run("kill", &[signal, &pid]);
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    finished(Command::new(program).args(arguments))
}

fn finished(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Engine {
    /// Signals the daemon: `-STOP`, `-CONT`, `-KILL`.
    pub(crate) fn signal(&self, kind: &str) {
        signal(&self.home.join("docker.pid"), &self.home.join("data"), kind);
    }

    /// Pulls the cable at the server's end; `mend` puts it back with its routes.
    pub(crate) fn cut(&self) {
        run("ip", &["-n", &self.name, "link", "set", "e0", "down"]);
    }

    /// The Engine's own client, by the socket that no fault of a network reaches.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        finished(self.client().args(arguments))
    }

    /// Everything on the server but what carries the worker program: whatever its labels, so that what was made without
    /// any is seen too.
    pub(crate) fn objects(&self) -> Vec<Object> {
        let lists: [(&str, &[&str], &str); 3] = [
            ("container", &["ps", "-a"], "{{.Names}} {{.State}}"),
            ("network", &["network", "ls"], "{{.Name}} -"),
            ("volume", &["volume", "ls"], "{{.Name}} -"),
        ];
        let mut all = Vec::new();
        for (kind, list, format) in lists {
            let found = self.docker(&[list, &["--format", format]].concat());
            all.extend(found.lines().filter_map(|line| line.split_once(' ')).map(|(name, state)| Object {
                server: self.name.clone(),
                kind,
                name: name.to_owned(),
                runs: state == "running" || (kind == "container" && self.runs(name)),
            }));
        }
        all.retain(|object| !object.name.starts_with("fleet-worker-"));
        all
    }

    /// A second look: an Engine whose disk was full lists a container as it could last write it down.
    fn runs(&self, container: &str) -> bool {
        let inspect = ["inspect", "--format", "{{.State.Status}}", container];
        self.client().args(inspect).output().is_ok_and(|output| output.stdout == b"running\n")
    }

    fn client(&self) -> Command {
        let mut docker = Command::new("docker");
        docker.args(["-H", &format!("unix://{}/docker.sock", self.home.display())]);
        docker
    }
}
