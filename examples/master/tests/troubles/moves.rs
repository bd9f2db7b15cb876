//! Workspaces that stop, idle, and leave their servers, with their data.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::parts::TOKEN;
use crate::rig::{Rig, eventually};

const ROUNDS: usize = 20;

/// What is in the project, in one line.
fn tree(rig: &Rig, id: &str) -> String {
    rig.shell(id, "find . -exec stat -c '%n %a %F' {} + | sort > /tmp/t; find . -type f -exec sha256sum {} + | sort >> /tmp/t; sha256sum < /tmp/t")
}

fn server_of(rig: &Rig, id: &str) -> String {
    rig.get(&format!("/workspaces/{id}"))["server"].as_str().unwrap().to_owned()
}

fn status(rig: &Rig, id: &str) -> Value {
    rig.get(&format!("/workspaces/{id}"))["status"].clone()
}

/// The path of a server.
fn path(rig: &Rig, name: &str) -> String {
    let servers = rig.get("/admin/servers");
    let server = servers["items"].as_array().unwrap().iter().find(|server| server["name"] == name).unwrap().clone();
    format!("/admin/servers/{}", server["id"].as_str().unwrap())
}

/// Drains the server of a workspace; the workspace runs on another one then.
fn drain(rig: &Rig, id: &str) {
    let from = server_of(rig, id);
    let server = path(rig, &from);
    rig.post(&format!("{server}/drain"), &Value::Null).ok();
    eventually("the server is drained", || (rig.get(&server)["scheduling"] == "cordoned").then_some(()));
    eventually("the workspace runs elsewhere", || (status(rig, id) == "running").then_some(()));
    assert_ne!(server_of(rig, id), from);
    assert_eq!(rig.get(&server)["reserved"]["disk_gib"], 0, "nothing is held there");
    rig.post(&format!("{server}/uncordon"), &Value::Null).ok();
}

/// Lets a workspace idle until it is stopped.
fn idle(rig: &Rig, id: &str) {
    let workspace = format!("/workspaces/{id}");
    rig.call("PATCH", &workspace, &json!({ "idle_timeout": "2s" })).ok();
    eventually("the idle workspace is stopped", || (status(rig, id) == "stopped").then_some(()));
    rig.call("PATCH", &workspace, &json!({ "idle_timeout": null })).ok();
}

/// Listens to a stream of events until one of this kind was told; what it said.
fn said(rig: &Rig, path: &str, kind: &str) -> String {
    let mut stream = TcpStream::connect(&rig.master.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    write!(stream, "GET /api/v1{path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("the stream goes on"));
    lines.find(|line| line.contains(kind)).expect("it is told");
    lines.find(|line| line.starts_with("data")).expect("what it says")
}

#[test]
fn the_data_is_the_same_after_twenty_ends_by_hand_by_idling_and_by_drains() {
    let rig = Rig::on_every_server();
    let project = rig.empty_project("lasting");
    let id = rig.running("lasting", &project);
    rig.shell(&id, "mkdir -p a/b 'with space'; seq 1 20000 > a/b/numbers; ln -s b a/link; echo x > 'with space/y'; chmod 700 a/b; head -c 3000000 /dev/urandom > random");
    let before = tree(&rig, &id);
    for round in 0..ROUNDS {
        match round {
            5 | 15 => drain(&rig, &id),
            10 | 18 => {
                idle(&rig, &id);
                rig.post(&format!("/workspaces/{id}/start?wait=60"), &Value::Null).ok();
            }
            _ => {
                rig.post(&format!("/workspaces/{id}/stop?wait=60"), &Value::Null).ok();
                rig.post(&format!("/workspaces/{id}/start?wait=60"), &Value::Null).ok();
            }
        }
        assert_eq!(status(&rig, &id), "running", "round {round}");
        assert_eq!(tree(&rig, &id), before, "round {round}");
    }
}

#[test]
fn a_project_without_a_workspace_is_put_away_in_a_drain_and_comes_back_elsewhere() {
    let rig = Rig::on_every_server();
    let (project, _) = rig.with_repository("put-away");
    let id = rig.running("put-away", &project);
    rig.shell(&id, "seq 1 20000 > numbers; mkdir -p node_modules; echo cache > node_modules/kept");
    let (before, from) = (tree(&rig, &id), server_of(&rig, &id));
    rig.call("DELETE", &format!("/workspaces/{id}?wait=60"), &Value::Null).ok();
    let server = path(&rig, &from);
    let held = || rig.get(&server)["reserved"]["disk_gib"].clone();
    assert_eq!(held(), 1, "its data is on the server");
    rig.post(&format!("{server}/drain"), &Value::Null).ok();
    let told = said(&rig, &format!("{server}/events"), "server.project_put_away");
    assert!(told.contains(&project), "{told}");
    eventually("the server is drained", || (rig.get(&server)["scheduling"] == "cordoned").then_some(()));
    assert_eq!(held(), 0);

    let id = rig.running("back", &project);
    assert_ne!(server_of(&rig, &id), from);
    assert_eq!(tree(&rig, &id), before, "all of it is there, what can be made again too");
    rig.call("DELETE", &server, &Value::Null).ok();
}

#[test]
fn a_drain_without_a_place_to_go_stops_nothing_and_says_why() {
    let rig = Rig::new();
    let project = rig.empty_project("kept");
    let id = rig.running("kept", &project);
    let server = path(&rig, &server_of(&rig, &id));
    assert_eq!(rig.post(&format!("{server}/drain"), &Value::Null).ok()["scheduling"], "draining");
    let told = said(&rig, &format!("{server}/events"), "server.drain_waits");
    assert!(told.contains("kept"), "{told}");
    assert_eq!(status(&rig, &id), "running");
    rig.post(&format!("{server}/uncordon"), &Value::Null).ok();
    let unknown = "/admin/servers/01900000-0000-7000-8000-000000000000/drain";
    assert_eq!(rig.post(unknown, &Value::Null).0, 404);
    let forget = rig.post(&format!("/admin/workspaces/{id}/force-forget"), &Value::Null);
    forget.problem(409, "conflict");
}
