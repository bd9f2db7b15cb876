//! A disk that is full in the middle of a restore.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::parts::servers;
use crate::rig::{Rig, eventually, failed_with};

/// Once there is room for it, twice there is not.
const LARGE: &str = "head -c 40000000 /dev/urandom > large; sha256sum large > sum; echo snapshot > file";
const LITTLE: &str = "size=64m";

/// A place for volumes with little disk: the fleet's servers share the files of this machine.
struct LittleDisk(TempDir);

impl LittleDisk {
    fn mounted() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", LITTLE, "tmpfs"]).arg(place.path());
        assert!(mount.status().unwrap().success(), "no tmpfs for the data of a server");
        Self(place)
    }

    /// What a master is told of this real server, with its volumes on this disk.
    fn server(&self, index: usize) -> Value {
        let mut server = servers()[index].clone();
        server["storage"] = format!("bind:{}", self.0.path().display()).into();
        server
    }

    /// The names of the volumes on it.
    fn volumes(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn fill(&self) {
        let filler = fs::File::create(self.filler());
        let full = filler.and_then(|mut file| std::io::copy(&mut std::io::repeat(1), &mut file));
        assert!(full.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull), "the disk is small");
    }

    fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> std::path::PathBuf {
        Path::new(self.0.path()).join("filler")
    }
}

impl Drop for LittleDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").args(["--lazy"]).arg(self.0.path()).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()));
    }
}

/// A master of these servers.
fn rig_of(servers: Vec<Value>) -> Rig {
    Rig::with(&[("WORKSPACE_SERVERS", &Value::from(servers).to_string())])
}

/// A project with data of which there is a snapshot, changed since, and stopped: the project, the workspace, the
/// snapshot.
fn changed_since(rig: &Rig) -> (String, String, Value) {
    let project = rig.empty_project("kept");
    let id = rig.running("kept", &project);
    rig.shell(&id, LARGE);
    let snapshot = rig.post(&format!("/projects/{project}/snapshots?wait=90"), &json!({})).ok();
    assert_eq!(snapshot["status"], "ready", "{snapshot}");
    rig.shell(&id, "echo newer > file");
    rig.post(&format!("/workspaces/{id}/stop?wait=60"), &Value::Null).ok();
    (project, id, snapshot["id"].clone())
}

fn restore(rig: &Rig, project: &str, wish: &Value) -> Value {
    rig.post(&format!("/projects/{project}/restore?wait=90"), wish).ok()
}

#[track_caller]
fn starts_with(rig: &Rig, id: &str, said: &str) {
    let row = rig.post(&format!("/workspaces/{id}/start?wait=60"), &Value::Null).ok();
    assert_eq!(row["status"], "running", "{row}");
    assert_eq!(rig.shell(id, "cat file; sha256sum -c sum"), format!("{said}\nlarge: OK\n"));
}

#[test]
fn a_restore_on_a_full_disk_leaves_the_copy_as_it_was_and_the_half_made_one_goes() {
    let disk = LittleDisk::mounted();
    let rig = rig_of(vec![disk.server(0)]);
    let (project, id, snapshot) = changed_since(&rig);
    let before = disk.volumes();
    assert_eq!(before.len(), 2, "the data, and what the snapshot left for the next one: {before:?}");

    let full = restore(&rig, &project, &json!({ "snapshot": snapshot }));
    assert_eq!(full["status"], "failed", "{full}");
    failed_with(&full, "disk_full");
    eventually("the half-made volume goes", || (disk.volumes() == before).then_some(()));
    starts_with(&rig, &id, "newer");

    // Into the copy itself, file by file: what is there counts less than what comes.
    rig.shell(&id, "rm large");
    disk.fill();
    let full = restore(&rig, &project, &json!({ "snapshot": snapshot, "mode": "merge" }));
    assert_eq!(full["status"], "failed", "{full}");
    failed_with(&full, "disk_full");
    assert_eq!(rig.shell(&id, "ls"), "file\nsum\n", "nothing half");

    disk.empty();
    let done = restore(&rig, &project, &json!({ "snapshot": snapshot, "mode": "merge" }));
    assert_eq!(done["status"], "done", "{done}");
    assert_eq!(rig.shell(&id, "cat file; sha256sum -c sum"), "snapshot\nlarge: OK\n");
}

#[test]
fn a_restore_onto_a_server_with_a_full_disk_leaves_the_data_where_it_is() {
    let disk = LittleDisk::mounted();
    let (home, other) = (servers()[0].clone(), disk.server(1));
    let wanted = other["name"].clone();
    let rig = rig_of(vec![home.clone(), other]);
    let reserved = || {
        let servers = rig.get("/admin/servers")["items"].as_array().unwrap().clone();
        servers.iter().find(|server| server["name"] == wanted).unwrap()["reserved"]["disk_gib"].clone()
    };
    let project = rig.empty_project("kept");
    let body = json!({
        "name": "kept", "project": project, "image": "workspace-base", "command": ["sleep", "infinity"],
        "resources": { "cpu_millis": 100, "memory_mib": 64, "disk_gib": 1 },
        "placement": { "server": home["name"], "required": true },
    });
    let id = rig.post("/workspaces?wait=60", &body).ok()["id"].as_str().unwrap().to_owned();
    rig.shell(&id, LARGE);
    let snapshot = rig.post(&format!("/projects/{project}/snapshots?wait=90"), &json!({})).ok();
    rig.call("DELETE", &format!("/workspaces/{id}?wait=60"), &Value::Null).ok();

    disk.fill();
    let wish = json!({ "snapshot": snapshot["id"], "server": wanted });
    let full = restore(&rig, &project, &wish);
    assert_eq!(full["status"], "failed", "{full}");
    failed_with(&full, "disk_full");
    eventually("the half-made volume goes", || (disk.volumes() == ["filler"]).then_some(()));
    assert_eq!(reserved(), 0, "nothing is held there");
    assert_eq!(rig.get(&format!("/projects/{project}"))["server"], home["name"], "the data is where it was");

    disk.empty();
    let done = restore(&rig, &project, &wish);
    assert_eq!(done["status"], "done", "{done}");
    assert_eq!((reserved(), rig.get(&format!("/projects/{project}"))["server"].clone()), (json!(1), wanted.clone()));
    let id = rig.running("again", &project);
    assert_eq!(rig.shell(&id, "cat file; sha256sum -c sum"), "snapshot\nlarge: OK\n");
}
