//! The real parts that `make test` starts, and what a master is told to use them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

pub(crate) const TOKEN: &str = "a-token-for-this-test-alone";

pub(crate) fn real_part(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`, or start the real parts first"))
}

/// Every real server, as a master is told of it.
pub(crate) fn servers() -> Vec<Value> {
    serde_json::from_str(&real_part("WORKSPACE_TEST_SERVERS")).unwrap()
}

/// What a master is told of the real S3 server.
pub(crate) fn s3_settings() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(real_part("WORKSPACE_TEST_S3")).unwrap();
    text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

/// What a master needs to use the real parts, on the first server alone; with these variables beside, or instead.
pub(crate) fn variables(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut all = s3_settings();
    let first = Value::from(vec![servers()[0].clone()]).to_string();
    let (worker, git) = (real_part("WORKSPACE_TEST_WORKER_IMAGE"), GitServer::new());
    let own = [
        ("SERVERS", "docker"),
        ("WORKSPACE_SERVERS", &first),
        ("WORKER_IMAGE", &worker),
        ("WORKSPACE_TOKEN", TOKEN),
        ("GIT_POLICY", r#"{"allow":["10.0.0.0/8"]}"#),
        ("GIT_CA_FILE", git.said("ca")),
        ("RUST_LOG", "warn"),
    ];
    all.extend(own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all
}

/// The status and the JSON of an answer.
pub(crate) fn parsed(answer: &str) -> (u16, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let body = if head.contains("chunked") { body.lines().nth(1).unwrap_or_default() } else { body };
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// The real git server.
pub(crate) struct GitServer(Value);

impl GitServer {
    pub(crate) fn new() -> Self {
        Self(serde_json::from_str(&real_part("WORKSPACE_TEST_GIT")).unwrap())
    }

    /// What `fleet/git-server` said of it.
    pub(crate) fn said(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    pub(crate) fn token(&self) -> String {
        format!("{}:{}", self.said("username"), self.said("token"))
    }

    /// A new bare repository with one commit: its URL and its folder.
    pub(crate) fn repository(&self) -> (String, PathBuf) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("master-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = Path::new(self.said("root"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fleet/git-server");
        let home = root.ancestors().nth(2).unwrap();
        let made = Command::new(script).args(["repository", &name]).env("FLEET_HOME", home).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (format!("{}/{name}.git", self.said("https")), root.join(format!("{name}.git")))
    }
}

/// Runs git in a folder; what it printed.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    // What is served belongs to the server's account, and git wants that to be said in a file.
    let settings = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(settings.path(), "[safe]\ndirectory = *\n[user]\nname = other\nemail = other@localhost\n").unwrap();
    let mut command = Command::new("/usr/bin/git");
    command.env("GIT_CONFIG_GLOBAL", settings.path()).arg("-C").arg(folder).args(arguments);
    let done = command.output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// The Engine's own client, asked on the first real server; what it printed, line by line.
pub(crate) fn docker(arguments: &[&str]) -> Vec<String> {
    let host = servers()[0]["endpoint"].as_str().unwrap().replace("http://", "tcp://");
    let mut docker = Command::new("docker");
    docker.args(["-H", &host]).args(arguments).env_remove("DOCKER_TLS_VERIFY");
    let output = docker.output().expect("docker runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}
