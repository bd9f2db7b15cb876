//! Remotes that cannot be, or will not do.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::parts::git;
use crate::rig::{Rig, eventually, failed_with, fleet_home};

/// Somebody else commits a file and pushes it.
fn somebody_pushes(repository: &Path, file: &str, text: &str) {
    let clone = tempfile::tempdir().unwrap();
    git(clone.path(), &["clone", "-q", repository.to_str().unwrap(), "."]);
    std::fs::write(clone.path().join(file), text).unwrap();
    git(clone.path(), &["add", "."]);
    git(clone.path(), &["commit", "-q", "-m", "by somebody else"]);
    git(clone.path(), &["push", "-q", "origin", "HEAD:main"]);
    let owned = Command::new("chown").args(["-R", "--reference"]).arg(repository).arg(repository).status();
    assert!(owned.unwrap().success());
}

fn sync(rig: &Rig, workspace: &str, direction: &str) -> Value {
    let body = json!({ "backend": "git", "direction": direction, "message": "work" });
    rig.post(&format!("/workspaces/{workspace}/sync?wait=60"), &body).ok()
}

#[test]
fn urls_that_can_never_work_are_refused_at_once() {
    let rig = Rig::new();
    for url in [
        "",
        "ext::sh -c touch% /tmp/x",
        "-oProxyCommand=touch",
        "--upload-pack=touch",
        "file:///etc",
        "/etc/passwd",
        "https://user:password@example.org/r.git",
        "ftp://example.org/r.git",
        "https://example.org/r.git\nHost: x",
    ] {
        let body = json!({ "name": "never", "source": { "git": { "url": url } } });
        let problem = rig.post("/projects", &body).problem(422, "invalid");
        assert_eq!(problem["field"], "source.git.url", "{url}: {problem}");
    }
    let url = "https://example.org/r.git";
    let body = json!({ "name": "never", "source": { "git": { "url": url, "branch": "--upload-pack=touch" } } });
    assert_eq!(rig.post("/projects", &body).problem(422, "invalid")["field"], "source.git.branch");
    assert_eq!(rig.get("/projects")["items"], json!([]));
}

#[test]
fn a_remote_that_will_not_do_is_the_error_of_the_start_and_leaves_nothing_half() {
    let rig = Rig::new();
    let (url, _) = rig.repository();
    let (address, token) = (rig.git_url(), rig.git_token());
    let cases = [
        ("wrong", json!({ "url": format!("{address}/nope.git"), "token": token }), "remote_not_found"),
        ("refused", json!({ "url": url, "token": "fleet:wrong-password" }), "remote_refused"),
        ("password", json!({ "url": url }), "remote_refused"),
        ("private", json!({ "url": "https://192.168.255.1/r.git" }), "address_not_allowed"),
        ("loopback", json!({ "url": "https://127.0.0.1/r.git" }), "address_not_allowed"),
        ("branch", json!({ "url": url, "token": token, "branch": "nope" }), "remote_not_found"),
    ];
    for (name, git, code) in cases {
        let project = rig.project(name, &git);
        let row = rig.workspace(name, &project);
        assert_eq!((&row["status"], &row["intent"]), (&json!("error"), &json!("stopped")), "{name}: {row}");
        failed_with(&row, code);
        assert!(!row.to_string().contains("wrong-password"), "{row}");
        assert_eq!(rig.get(&format!("/projects/{project}"))["filled"], false, "{name}: never started empty");
    }
    let used = rig.get("/admin/servers")["items"][0]["reserved"].clone();
    assert_eq!((&used["cpu_millis"], &used["memory_mib"]), (&json!(0), &json!(0)), "{used}");
}

#[test]
fn a_key_opens_what_is_behind_ssh_and_is_never_shown() {
    let rig = Rig::new();
    let (https, folder) = rig.repository();
    let (url, key) = rig.by_ssh(&folder);
    let wrong = [
        (json!({ "url": https, "ssh_key": key }), "source.git.ssh_key"),
        (json!({ "url": url, "token": "t" }), "source.git.token"),
        (json!({ "url": url, "token": "t", "ssh_key": key }), "source.git.ssh_key"),
    ];
    for (git, field) in wrong {
        let body = json!({ "name": "never", "source": { "git": git } });
        assert_eq!(rig.post("/projects", &body).problem(422, "invalid")["field"], field);
    }

    // A server that nobody knows is refused; what the hint shows of it is all it takes.
    let unknown = json!({ "url": url, "ssh_key": { "private_key": key["private_key"] } });
    let project = rig.project("by-ssh", &unknown);
    let row = rig.workspace("by-ssh", &project);
    failed_with(&row, "remote_refused");
    let hint = row["error"]["hint"].as_str().unwrap();
    let fingerprint = hint.split(' ').find(|word| word.starts_with("SHA256:")).unwrap().trim_end_matches(';');
    let known = json!({ "ssh_key": { "private_key": key["private_key"], "host_keys": [fingerprint] } });
    let shown = rig.call("PATCH", &format!("/projects/{project}"), &known).ok();
    assert!(!shown.to_string().contains("PRIVATE KEY"), "{shown}");
    let id = row["id"].as_str().unwrap();
    let row = rig.post(&format!("/workspaces/{id}/start?wait=60"), &Value::Null).ok();
    assert_eq!(row["status"], "running", "{row}");
    rig.shell(id, "echo by ssh > by-ssh");
    assert_eq!(sync(&rig, id, "push")["status"], "done");
    assert_eq!(git(&folder, &["show", "main:by-ssh"]), "by ssh");
    assert_eq!(rig.shell(id, "grep -rl 'PRIVATE KEY' /workspace | wc -l"), "0\n");

    let stranger = std::fs::read_to_string(fleet_home().join("git/host_key")).unwrap();
    let other = json!({ "url": url, "ssh_key": { "private_key": stranger, "host_keys": key["host_keys"] } });
    failed_with(&rig.workspace("stranger", &rig.project("stranger", &other)), "remote_refused");
}

#[test]
fn a_remote_that_does_not_answer_is_waited_for_and_said_so() {
    let rig = Rig::new();
    let host = rig.git_url().split("://").nth(1).unwrap().split(':').next().unwrap();
    let project = rig.project("closed", &json!({ "url": format!("https://{host}:1/r.git") }));
    let body = json!({ "name": "closed", "project": project, "image": "workspace-base" });
    let row = rig.post("/workspaces", &body).ok();
    let path = format!("/workspaces/{}", row["id"].as_str().unwrap());
    let waiting = eventually("it says what it waits for", || {
        Some(rig.get(&path)["waiting"].clone()).filter(|waiting| waiting["code"] == "remote_unreachable")
    });
    assert!(waiting["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{waiting}");
    let gone = rig.call("DELETE", &format!("{path}?wait=60"), &Value::Null).ok();
    assert_eq!(gone["status"], "deleted", "and deleting it is possible all the time: {gone}");
}

/// Somebody else records where a submodule comes from, and on which commit it is to be.
fn somebody_records(repository: &Path, path: &str, url: &str, commit: &str) {
    let clone = tempfile::tempdir().unwrap();
    git(clone.path(), &["clone", "-q", repository.to_str().unwrap(), "."]);
    let section = format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n");
    std::fs::write(clone.path().join(".gitmodules"), section).unwrap();
    git(clone.path(), &["add", ".gitmodules"]);
    git(clone.path(), &["update-index", "--add", "--cacheinfo", &format!("160000,{commit},{path}")]);
    git(clone.path(), &["commit", "-q", "-m", "a submodule"]);
    git(clone.path(), &["push", "-q", "origin", "HEAD:main"]);
    let owned = Command::new("chown").args(["-R", "--reference"]).arg(repository).arg(repository).status();
    assert!(owned.unwrap().success());
}

#[test]
fn submodules_come_along_for_who_asks_for_them() {
    let rig = Rig::new();
    let ((app, app_folder), (lib, lib_folder)) = (rig.repository(), rig.repository());
    somebody_pushes(&lib_folder, "version", "1");
    let beside = format!("../{}", lib.rsplit_once('/').unwrap().1);
    somebody_records(&app_folder, "libs/lib", &beside, &git(&lib_folder, &["rev-parse", "main"]));
    let source = |submodules: bool| json!({ "url": app, "token": rig.git_token(), "submodules": submodules });

    let without = rig.running("without", &rig.project("without", &source(false)));
    assert_eq!(rig.shell(&without, "ls libs/lib"), "");
    let project = rig.project("with", &source(true));
    assert_eq!(rig.get(&format!("/projects/{project}"))["source"]["git"]["submodules"], true);
    let with = rig.running("with", &project);
    assert_eq!(rig.shell(&with, "cat libs/lib/version"), "1");
    let token = rig.git_token();
    let token = token.split_once(':').unwrap().1;
    assert_eq!(rig.shell(&with, &format!("grep -rl '{token}' . | wc -l")), "0\n", "it is written nowhere");

    somebody_pushes(&lib_folder, "version", "2");
    somebody_records(&app_folder, "libs/lib", &beside, &git(&lib_folder, &["rev-parse", "main"]));
    let job = sync(&rig, &with, "pull");
    assert_eq!((&job["status"], &job["steps"][0]["report"]["submodules"]), (&json!("done"), &json!(1)), "{job}");
    assert_eq!(rig.shell(&with, "cat libs/lib/version"), "2");

    somebody_records(
        &app_folder,
        "libs/lib",
        "https://192.168.255.1/x.git",
        &git(&lib_folder, &["rev-parse", "main~1"]),
    );
    let job = sync(&rig, &with, "pull");
    assert_eq!(job["status"], "failed", "{job}");
    failed_with(&job, "address_not_allowed");
    assert!(job["error"]["message"].as_str().unwrap().contains("libs/lib"), "{job}");
}

#[test]
fn an_empty_repository_begins_empty_and_gets_the_first_commit() {
    let rig = Rig::new();
    let (project, folder) = rig.with_repository("new");
    std::fs::remove_file(folder.join("refs/heads/main")).ok();
    std::fs::remove_file(folder.join("packed-refs")).ok();
    assert_eq!(git(&folder, &["for-each-ref"]), "");
    let id = rig.running("new", &project);
    rig.shell(&id, "echo first > first");
    assert_eq!(sync(&rig, &id, "push")["status"], "done");
    assert_eq!(git(&folder, &["show", "main:first"]), "first");
}

#[test]
fn what_somebody_else_pushed_is_never_overwritten() {
    let rig = Rig::new();
    let (project, folder) = rig.with_repository("diverged");
    let id = rig.running("diverged", &project);
    somebody_pushes(&folder, "theirs", "theirs");
    rig.shell(&id, "echo ours > ours");
    let job = sync(&rig, &id, "push");
    assert_eq!(job["status"], "failed", "{job}");
    failed_with(&job, "diverged");
    assert_eq!(git(&folder, &["show", "main:theirs"]), "theirs");
    assert_eq!(rig.shell(&id, "cat ours"), "ours\n", "and ours is kept too");
}

#[test]
fn changes_that_stand_in_the_way_of_a_pull_are_kept() {
    let rig = Rig::new();
    let (project, folder) = rig.with_repository("dirty");
    let id = rig.running("dirty", &project);
    somebody_pushes(&folder, "shared", "theirs");
    rig.shell(&id, "echo ours > shared");
    let job = sync(&rig, &id, "pull");
    assert_eq!(job["status"], "failed", "{job}");
    failed_with(&job, "local_changes");
    assert_eq!(rig.shell(&id, "cat shared"), "ours\n");
}

#[test]
fn two_that_write_are_never_at_work_on_one_project() {
    let rig = Rig::new();
    let (project, _) = rig.with_repository("busy");
    let id = rig.running("busy", &project);
    let started = rig.execute(&project, "echo begun; sleep 8", &json!({})).ok();
    let body = json!({ "backend": "git", "direction": "pull" });
    rig.post(&format!("/workspaces/{id}/sync"), &body).problem(409, "project_busy");
    rig.execute(&project, "echo never", &json!({})).problem(409, "project_busy");
    let more = json!({ "session": started["session"], "project": null });
    rig.execute(&project, "echo never", &more).problem(409, "project_busy");
    assert_eq!(rig.finished(&started)["status"], "succeeded");
    assert_eq!(sync(&rig, &id, "pull")["status"], "done", "and it is free again");
}
