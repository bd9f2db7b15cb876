//! A master on the real parts, and a client of its API.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::parts::{GitServer, TOKEN, parsed, real_part, s3_settings, servers, variables};
use crate::running::Running;

/// The home of the real parts.
pub(crate) fn fleet_home() -> PathBuf {
    Path::new(&real_part("WORKSPACE_TEST_S3")).parent().unwrap().to_owned()
}

pub(crate) fn s3_endpoint() -> String {
    s3_settings()["S3_ENDPOINT"].clone()
}

/// A master with a database of its own, on the first real server.
pub(crate) struct Rig {
    pub(crate) master: Running,
    git: GitServer,
    endpoint: String,
    data: TempDir,
}

/// A status and a JSON body.
#[derive(Debug)]
pub(crate) struct Answer(pub(crate) u16, pub(crate) Value);

impl Answer {
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.0), "{self:?}");
        self.1
    }

    /// Demands a problem document of this status and code that says what to do next.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.0, self.1["code"].as_str()), (status, Some(code)), "{self:?}");
        assert!(self.1["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "no hint: {self:?}");
        self.1
    }
}

/// Demands that something ended with this code, and says what to do next.
#[track_caller]
pub(crate) fn failed_with(resource: &Value, code: &str) {
    let error = &resource["error"];
    assert_eq!(error["code"].as_str(), Some(code), "{resource}");
    assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "no hint: {resource}");
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// On every real server.
    pub(crate) fn on_every_server() -> Self {
        Self::with(&[("WORKSPACE_SERVERS", &real_part("WORKSPACE_TEST_SERVERS"))])
    }

    /// With these variables beside, or instead of, the usual ones.
    pub(crate) fn with(more: &[(&str, &str)]) -> Self {
        Self::start(more, Stdio::piped())
    }

    /// The same, with its log in a file.
    pub(crate) fn logging(more: &[(&str, &str)], log: File) -> Self {
        Self::start(more, log.into())
    }

    fn start(more: &[(&str, &str)], log: Stdio) -> Self {
        let data = tempfile::tempdir().unwrap();
        let variables = variables(more);
        let variables: Vec<_> = variables.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        let master = Running::start_with_log(data.path(), &variables, log);
        assert!(master.said.contains("healthy"), "{}", master.said);
        let endpoint = servers()[0]["endpoint"].as_str().unwrap().to_owned();
        Self { master, git: GitServer::new(), endpoint, data }
    }

    /// Where the Engine of the first server is.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What the master keeps on its disk.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.master.ask_for(method, &format!("/api/v1{path}"), TOKEN, &body, "application/json");
        let (status, body) = parsed(&answer);
        Answer(status, body)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.call("GET", path, &Value::Null).ok()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, body)
    }

    /// A bare repository with one commit: its URL and its folder.
    pub(crate) fn repository(&self) -> (String, PathBuf) {
        self.git.repository()
    }

    pub(crate) fn git_url(&self) -> &str {
        self.git.said("https")
    }

    pub(crate) fn git_token(&self) -> String {
        self.git.token()
    }

    /// The same repository behind ssh: its URL, and a key that opens it.
    pub(crate) fn by_ssh(&self, folder: &Path) -> (String, Value) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let private_key = std::fs::read_to_string(self.git.said("ssh_key")).unwrap();
        let key = json!({ "private_key": private_key, "host_keys": [self.git.said("ssh_host_key")] });
        (format!("{}/{name}", self.git.said("ssh")), key)
    }

    /// A project from git, not fetched yet.
    pub(crate) fn project(&self, name: &str, git: &Value) -> String {
        let project = self.post("/projects", &json!({ "name": name, "source": { "git": git } })).ok();
        project["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn empty_project(&self, name: &str) -> String {
        self.post("/projects", &json!({ "name": name })).ok()["id"].as_str().unwrap().to_owned()
    }

    /// A project with a repository of its own: the project's id and the repository's folder.
    pub(crate) fn with_repository(&self, name: &str) -> (String, PathBuf) {
        let (url, folder) = self.repository();
        let git = json!({ "url": url, "branch": "main", "token": self.git_token() });
        (self.project(name, &git), folder)
    }

    /// A workspace on a project, at rest.
    pub(crate) fn workspace(&self, name: &str, project: &str) -> Value {
        let body = json!({
            "name": name, "project": project, "image": "workspace-base", "command": ["sleep", "infinity"],
            "resources": { "cpu_millis": 100, "memory_mib": 64, "disk_gib": 1 },
        });
        self.post("/workspaces?wait=60", &body).ok()
    }

    /// A workspace that runs on a project; its id.
    #[track_caller]
    pub(crate) fn running(&self, name: &str, project: &str) -> String {
        let row = self.workspace(name, project);
        assert_eq!(row["status"], "running", "{row}");
        row["id"].as_str().unwrap().to_owned()
    }

    /// Runs a line of shell in a workspace; what it printed.
    #[track_caller]
    pub(crate) fn shell(&self, workspace: &str, line: &str) -> String {
        let done = self.post(&format!("/workspaces/{workspace}/run"), &json!({ "command": line })).ok();
        assert_eq!(done["exit_code"], 0, "{line}: {done}");
        done["stdout"].as_str().unwrap().to_owned()
    }

    /// An execution of a line of shell, recorded; the answer to that.
    pub(crate) fn execute(&self, project: &str, line: &str, more: &Value) -> Answer {
        let mut body = json!({
            "project": project, "prompt": "do as the line says",
            "resources": { "cpu_millis": 200, "memory_mib": 128, "disk_gib": 1 },
            "agent": { "kind": "command", "image": "workspace-base", "argv": ["sh", "-c", line] },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.post("/execute", &body)
    }

    pub(crate) fn events(&self, session: &str) -> Vec<Value> {
        self.events_after(session, 0)
    }

    fn events_after(&self, session: &str, mut after: u64) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = self.get(&format!("/sessions/{session}/events?limit=1000&after={after}"));
            let items = page["items"].as_array().unwrap();
            let Some(last) = items.last() else { return all };
            after = last["seq"].as_u64().unwrap();
            all.extend(items.iter().cloned());
        }
    }

    /// The last event of an execution, which must come.
    #[track_caller]
    pub(crate) fn finished(&self, started: &Value) -> Value {
        let session = started["session"].as_str().unwrap();
        // What was read is not read again: of a loud agent it is megabytes.
        let read = Cell::new(0);
        let last = eventually("the execution ends", || {
            let new = self.events_after(session, read.get());
            read.set(new.last().map_or(read.get(), |event| event["seq"].as_u64().unwrap()));
            new.into_iter().find(|event| event["kind"] == "execution.finished")
        });
        last["data"].clone()
    }
}

/// Takes everything back from the server, which other tests use too.
impl Drop for Rig {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        for list in ["/workspaces", "/projects"] {
            eventually("everything is deleted", || {
                let items = self.get(list)["items"].as_array().unwrap().clone();
                for item in &items {
                    // What a job is still at work on is asked for again.
                    let path = format!("{list}/{}?wait=60", item["id"].as_str().unwrap());
                    self.call(
                        "DELETE",
                        path.trim_end_matches(if list == "/projects" { "?wait=60" } else { "" }),
                        &Value::Null,
                    );
                }
                items.is_empty().then_some(())
            });
        }
    }
}

/// What is so in the end.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(200));
    }
}
