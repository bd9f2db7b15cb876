//! The git server of the local fleet, and repositories of our own on it.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what is not there fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;
use workspace_core::clock::Timestamp;
use workspace_core::secret::Secret;
use workspace_git::{Author, Credentials, GitRemote, GitSettings, GitSync, GitTree, HostKey, NewCommit, UrlPolicy};

/// What `fleet/git-server up` prints.
#[derive(Deserialize)]
pub(crate) struct GitServer {
    pub(crate) https: String,
    pub(crate) http: String,
    pub(crate) public: String,
    pub(crate) ca: PathBuf,
    pub(crate) username: String,
    pub(crate) token: String,
    pub(crate) ssh: String,
    pub(crate) ssh_key: PathBuf,
    pub(crate) ssh_host_key: String,
    pub(crate) root: PathBuf,
}

pub(crate) fn server() -> GitServer {
    let text = std::env::var("WORKSPACE_TEST_GIT").unwrap_or_else(|_| {
        panic!("WORKSPACE_TEST_GIT is not set: start `fleet/git-server up` and give what it prints (make test does)")
    });
    serde_json::from_str(&text).expect("what fleet/git-server prints")
}

/// A bare repository of one test.
pub(crate) struct Bare {
    pub(crate) server: GitServer,
    pub(crate) name: String,
}

impl Bare {
    /// With a first commit on main.
    pub(crate) fn seeded() -> Self {
        let bare = Self { server: server(), name: format!("test-{}", unique()) };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fleet/git-server");
        // The fleet's folder is two above the repositories, whatever the fleet is called.
        let home = bare.server.root.ancestors().nth(2).unwrap();
        run(Command::new(script).args(["repository", &bare.name]).env("FLEET_HOME", home));
        bare
    }

    /// Without a commit.
    pub(crate) fn empty() -> Self {
        let bare = Self { server: server(), name: format!("test-{}", unique()) };
        as_owner(&bare.server, &["init", "--quiet", "--bare", "--initial-branch=main", &format!("{}.git", bare.name)]);
        bare
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.server.root.join(format!("{}.git", self.name))
    }

    /// What the repository itself says; the server's own git, not ours.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let path = self.path();
        let place = ["-C", path.to_str().unwrap()];
        as_owner(&self.server, &[&place, arguments].concat())
    }

    pub(crate) fn url(&self, address: &str) -> String {
        format!("{address}/{}.git", self.name)
    }

    /// Over https, with the right token.
    pub(crate) fn sync(&self) -> GitSync {
        self.at(&self.server.https, self.token())
    }

    pub(crate) fn at(&self, address: &str, credentials: Credentials) -> GitSync {
        GitSync::new(remote(&self.url(address), credentials), settings(&self.server))
    }

    pub(crate) fn on_branch(&self, branch: &str) -> GitSync {
        let remote = GitRemote { branch: Some(branch.into()), ..remote(&self.url(&self.server.https), self.token()) };
        GitSync::new(remote, settings(&self.server))
    }

    pub(crate) fn token(&self) -> Credentials {
        Credentials::Token { username: self.server.username.clone(), token: Secret::new(&self.server.token) }
    }

    pub(crate) fn key(&self) -> Credentials {
        Credentials::SshKey {
            private_key: Secret::new(std::fs::read_to_string(&self.server.ssh_key).expect("the ssh key")),
            passphrase: None,
            host_keys: vec![HostKey::new(&self.server.ssh_host_key)],
        }
    }

    /// Somebody else puts a file into a branch.
    pub(crate) async fn somebody_pushes(&self, branch: &str, file: &str, text: &str) -> String {
        let tree = folder();
        let sync = self.on_branch(branch);
        sync.clone_into(tree.path()).await.expect("the other's clone");
        std::fs::write(tree.path().join(file), text).unwrap();
        commit(tree.path(), "by somebody else").await.expect("the other's commit");
        sync.push_branch(tree.path()).await.expect("the other's push").commit
    }
}

pub(crate) fn remote(url: &str, credentials: Credentials) -> GitRemote {
    GitRemote { url: url.parse().expect("a git URL"), branch: None, credentials }
}

/// The fleet's addresses are private: the operator of this fleet allows them.
pub(crate) fn settings(server: &GitServer) -> GitSettings {
    let allow = ["10.0.0.0/8", "127.0.0.0/8"].map(|range| range.parse().unwrap()).to_vec();
    let policy = UrlPolicy { allow, allow_hosts: Vec::new(), insecure_http: true };
    GitSettings { policy, ca_file: Some(server.ca.clone()), ..GitSettings::default() }
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

pub(crate) fn new_commit(message: &str) -> NewCommit {
    let author = Author { name: "Ada".into(), email: "ada@example.com".into() };
    NewCommit { message: message.into(), author, at: Timestamp::from_micros(1_795_262_400_000_000) }
}

pub(crate) async fn commit(tree: &Path, message: &str) -> workspace_core::error::Result<Option<String>> {
    GitTree::at(tree).commit(new_commit(message)).await
}

pub(crate) fn read(tree: &Path, file: &str) -> String {
    std::fs::read_to_string(tree.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The git of the machine, in a tree of ours: what a user in the workspace would see.
pub(crate) fn git_in(tree: &Path, arguments: &[&str]) -> String {
    run(Command::new("/usr/bin/git").arg("-C").arg(tree).args(arguments))
}

pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().expect("a program that starts");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stderr), text(&output.stdout));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Repositories belong to the account that serves them, and git wants to be run by it.
fn as_owner(server: &GitServer, arguments: &[&str]) -> String {
    let mut command = Command::new("runuser");
    command.args(["-u", "www-data", "--", "/usr/bin/git"]).args(arguments);
    run(command.current_dir(&server.root).env("HOME", &server.root))
}

fn unique() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid").expect("the kernel's random UUID").trim().to_owned()
}
