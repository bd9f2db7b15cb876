//! Clones, switches, and what becomes of snapshots.

use serde_json::{Value, json};

use crate::rig::Rig;

#[test]
fn a_clone_has_the_data_as_it_is_now_and_its_own_from_then_on() {
    let rig = Rig::new();
    let (project, _) = rig.with_repository("origin");
    let id = rig.running("origin", &project);
    rig.shell(&id, "echo unpushed > work");
    let clone = rig.post(&format!("/projects/{project}/clone"), &json!({ "name": "clone" })).ok();
    assert_eq!(clone["source"], rig.get(&format!("/projects/{project}"))["source"], "{clone}");
    let clone = clone["id"].as_str().unwrap().to_owned();
    let other = rig.running("clone", &clone);
    assert_eq!(rig.shell(&other, "cat work"), "unpushed\n");
    rig.shell(&other, "echo changed > work");
    assert_eq!(rig.shell(&id, "cat work"), "unpushed\n");
    rig.post(&format!("/projects/{project}/clone"), &json!({ "name": "clone" })).problem(409, "name_taken");
    let unknown = "/projects/01900000-0000-7000-8000-000000000000/clone";
    assert_eq!(rig.post(unknown, &json!({ "name": "x" })).1["code"], "not_found");
    let wrong = json!({ "name": "x", "snapshot": "latest" });
    rig.post(&format!("/projects/{project}/clone"), &wrong).problem(422, "invalid");
}

#[test]
fn a_snapshot_is_verified_and_deleted() {
    let rig = Rig::new();
    let project = rig.empty_project("kept");
    let id = rig.running("kept", &project);
    rig.shell(&id, "echo data > file");
    rig.call("PUT", &format!("/projects/{project}/backup-policy"), &json!({ "on_stop": true })).ok();
    rig.post(&format!("/workspaces/{id}/stop?wait=90"), &Value::Null).ok();
    let row = rig.get(&format!("/workspaces/{id}/status"))["sync"]["stop_snapshot"].clone();
    assert_eq!(row["status"], "ready", "{row}");
    let snapshot = format!("/snapshots/{}", row["id"].as_str().unwrap());
    let job = rig.post(&format!("{snapshot}/verify?wait=60"), &Value::Null).ok();
    assert_eq!((&job["status"], &job["steps"][0]["step"]), (&json!("done"), &json!("verify")), "{job}");
    // It outlives the data, and can be deleted when that is gone.
    rig.call("DELETE", &format!("/workspaces/{id}?wait=60"), &Value::Null).ok();
    rig.call("DELETE", &format!("/projects/{project}"), &Value::Null).ok();
    let gone = rig.call("DELETE", &format!("{snapshot}?wait=60"), &Value::Null);
    assert_eq!(gone.0, 204, "{gone:?}");
    assert_eq!(rig.call("GET", &snapshot, &Value::Null).0, 404);
}

#[test]
fn a_workspace_gets_another_project() {
    let rig = Rig::new();
    let (first, second) = (rig.empty_project("first"), rig.empty_project("second"));
    let id = rig.running("dev", &first);
    rig.shell(&id, "echo first > name");
    let switch = format!("/workspaces/{id}/switch-project?wait=60");
    let row = rig.post(&switch, &json!({ "project": second })).ok();
    assert_eq!((&row["status"], &row["project"]), (&json!("running"), &json!(second)), "{row}");
    assert_eq!(rig.shell(&id, "ls"), "");
    let other = rig.running("other", &first);
    assert_eq!(rig.shell(&other, "cat name"), "first\n", "the data stayed with its project");
    rig.post(&switch, &json!({ "project": first })).problem(409, "conflict");
    let unknown = json!({ "project": "01900000-0000-7000-8000-000000000000" });
    assert_eq!(rig.post(&switch, &unknown).1["code"], "not_found");
    rig.post(&switch, &json!({})).problem(422, "invalid");
}

#[test]
fn a_project_is_taken_away_and_given_to_another_workspace() {
    let rig = Rig::new();
    let project = rig.empty_project("work");
    let (id, other) = (rig.running("dev", &project), rig.running("other", &rig.empty_project("else")));
    rig.shell(&id, "echo mine > name");
    let names = |path: &str| -> Vec<Value> {
        rig.get(path)["items"].as_array().unwrap().iter().map(|project| project["name"].clone()).collect()
    };
    assert_eq!(names(&format!("/workspaces/{id}/projects")), ["work"]);
    assert_eq!(names("/projects?unassigned=true"), [""; 0]);

    let assign = format!("/workspaces/{other}/assign-project?wait=60");
    let wish = json!({ "project": project });
    rig.post(&assign, &wish).problem(409, "conflict");
    let row = rig.post(&format!("/workspaces/{id}/unassign-project?wait=60"), &Value::Null).ok();
    assert_eq!(row["status"], "running", "{row}");
    assert_eq!(rig.shell(&id, "ls"), "", "it has an empty one");
    assert_eq!(names("/projects?unassigned=true"), ["work"]);
    assert_eq!(names(&format!("/workspaces/{id}/compatible-projects")), ["work"]);
    let again = rig.post(&format!("/workspaces/{id}/unassign-project?wait=60"), &Value::Null).ok();
    assert_eq!(again["project"], row["project"], "there is nothing to take away");

    let patch = |body: &Value| rig.call("PATCH", &format!("/projects/{project}"), body);
    assert_eq!(patch(&json!({ "name": "renamed" })).ok()["name"], "renamed");
    patch(&json!({ "name": "else" })).problem(409, "name_taken");
    patch(&json!({ "token": "x" })).problem(422, "invalid");
    patch(&json!({ "type": "none-such" })).problem(422, "invalid");
    rig.post(&format!("/workspaces/{other}/unassign-project?wait=60"), &Value::Null).ok();
    let row = rig.post(&assign, &wish).ok();
    assert_eq!((&row["status"], &row["project"]), (&json!("running"), &json!(project)), "{row}");
    assert_eq!(rig.shell(&other, "cat name"), "mine\n");
}
