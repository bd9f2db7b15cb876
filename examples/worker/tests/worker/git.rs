//! Git as jobs, with the real git server of the fleet.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};
use workspace_fleet::environment::Environment;
use workspace_fleet::job::{GitAuthor, GitRemote, JobStep};
use workspace_fleet::model::GitAccess;
use workspace_fleet::secret::Secret;

use crate::job::run;

/// What `fleet/git-server up` prints.
#[derive(Deserialize)]
struct GitServer {
    https: String,
    ca: PathBuf,
    username: String,
    token: String,
    root: PathBuf,
}

struct Bare {
    server: GitServer,
    name: String,
}

impl Bare {
    /// With a first commit on main.
    fn seeded() -> Self {
        let text = std::env::var("WORKSPACE_TEST_GIT").expect(
            "WORKSPACE_TEST_GIT is not set: start `fleet/git-server up` and give what it prints (make test does)",
        );
        let server: GitServer = serde_json::from_str(&text).expect("what fleet/git-server prints");
        let name = format!("test-{}", Environment::system().uuid());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fleet/git-server");
        // The fleet's folder is two above the repositories, whatever the fleet is called.
        let home = server.root.ancestors().nth(2).unwrap();
        let made = Command::new(script).args(["repository", &name]).env("FLEET_HOME", home).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { server, name }
    }

    fn remote(&self) -> GitRemote {
        let pem = fs::read_to_string(&self.server.ca).unwrap();
        GitRemote {
            url: format!("{}/{}.git", self.server.https, self.name),
            branch: None,
            submodules: false,
            access: Some(GitAccess::Token(Secret::new(format!("{}:{}", self.server.username, self.server.token)))),
            policy: json!({"allow": ["10.0.0.0/8", "127.0.0.0/8"], "ca_pem": pem}),
        }
    }

    /// What the server's own git says.
    fn git(&self, arguments: &[&str]) -> String {
        let path = self.server.root.join(format!("{}.git", self.name));
        let mut command = Command::new("runuser");
        command.args(["-u", "www-data", "--", "/usr/bin/git", "-C"]).arg(path).args(arguments);
        let output = command.current_dir(&self.server.root).env("HOME", &self.server.root).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// The machine's git in a tree, as a user in the workspace has it.
fn git_in(tree: &Path, arguments: &[&str]) -> String {
    let who = [
        ("GIT_AUTHOR_NAME", "a"),
        ("GIT_AUTHOR_EMAIL", "a@b"),
        ("GIT_COMMITTER_NAME", "a"),
        ("GIT_COMMITTER_EMAIL", "a@b"),
    ];
    let output = Command::new("/usr/bin/git").arg("-C").arg(tree).args(arguments).envs(who).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn push(remote: Option<GitRemote>, branch: Option<&str>) -> JobStep {
    let author = GitAuthor { name: "Ada".to_owned(), email: "ada@example.com".to_owned() };
    JobStep::Push { remote, branch: branch.map(str::to_owned), message: "A change".to_owned(), author }
}

#[tokio::test]
async fn a_tree_is_cloned_committed_pushed_and_pulled() {
    let (bare, tree, other) = (Bare::seeded(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(tree.path().join("left"), "by an earlier attempt").unwrap();
    let done = run(tree.path(), vec![JobStep::Clone(bare.remote())]).await.done();
    let first = bare.git(&["rev-parse", "main"]);
    assert_eq!((&done[0]["revision"], &done[0]["branch"]), (&json!(first), &json!("main")));
    assert!(!tree.path().join("left").exists() && tree.path().join("README.md").exists());
    run(other.path(), vec![JobStep::Clone(bare.remote())]).await.done();

    fs::write(tree.path().join("new"), "new").unwrap();
    let done = run(tree.path(), vec![push(Some(bare.remote()), None)]).await.done();
    let second = bare.git(&["rev-parse", "main"]);
    assert_eq!(done[0], json!({"revision": second, "files_changed": 1, "branch": "main"}));
    assert_eq!(
        (&done[1]["revision"], &done[1]["branch"], &done[1]["sent"]),
        (&json!(second), &json!("main"), &json!(true))
    );
    assert_eq!(bare.git(&["log", "-1", "--format=%an <%ae> %s", "main"]), "Ada <ada@example.com> A change");
    let done = run(tree.path(), vec![push(Some(bare.remote()), None)]).await.done();
    assert_eq!((&done[0]["unchanged"], &done[1]["sent"]), (&json!(true), &json!(false)));

    let done = run(other.path(), vec![JobStep::Pull(bare.remote())]).await.done();
    assert_eq!((&done[0]["revision"], &done[0]["files_changed"]), (&json!(second), &json!(1)));
    fs::write(other.path().join("branch"), "work").unwrap();
    let done = run(other.path(), vec![push(Some(bare.remote()), Some("session/one"))]).await.done();
    assert_eq!(done[0]["branch"], "session/one");
    assert_eq!(json!(bare.git(&["rev-parse", "session/one"])), done[0]["revision"]);
    assert_eq!(bare.git(&["rev-parse", "main"]), second, "the other branch stays");
    fs::write(other.path().join("branch"), "more").unwrap();
    let done = run(other.path(), vec![push(None, Some("session/one"))]).await.done();
    assert_eq!((done.len(), &done[0]["files_changed"]), (1, &json!(1)), "a commit alone is one report");
    let third = done[0]["revision"].as_str().unwrap().to_owned();

    fs::write(other.path().join("branch"), "another session").unwrap();
    run(other.path(), vec![push(Some(bare.remote()), Some("session/two"))]).await.done();
    fs::write(other.path().join("branch"), "the first one again").unwrap();
    run(other.path(), vec![push(Some(bare.remote()), Some("session/one"))]).await.done();
    assert_eq!(bare.git(&["rev-parse", "session/one^"]), bare.git(&["rev-parse", "session/two"]));
    assert_eq!(bare.git(&["rev-parse", "session/two^"]), third, "each goes on from where the tree is");
    let ahead = git_in(other.path(), &["commit-tree", "-m", "ahead", "-p", "HEAD", "HEAD^{tree}"]);
    git_in(other.path(), &["branch", "ahead", &ahead]);
    fs::write(other.path().join("branch"), "stays").unwrap();
    let refused = run(other.path(), vec![push(Some(bare.remote()), Some("ahead"))]).await;
    assert_eq!(refused.codes(), ["diverged", "diverged"], "{refused:?}");
    assert_eq!(git_in(other.path(), &["rev-parse", "ahead"]), ahead, "nothing is taken from a branch");
    assert_eq!(git_in(other.path(), &["status", "--short"]), "M branch", "the changes are still there");
}

#[tokio::test]
async fn what_git_refuses_is_told_and_the_token_is_not() {
    let (bare, tree) = (Bare::seeded(), tempfile::tempdir().unwrap());
    let canary = format!("canary-{}", Environment::system().uuid());
    let wrong = GitRemote { access: Some(GitAccess::Token(Secret::new(format!("fleet:{canary}")))), ..bare.remote() };
    let strict = GitRemote { policy: Value::Null, ..bare.remote() };
    let odd = GitRemote { url: "ext::sh -c touch% /tmp/x".to_owned(), ..bare.remote() };
    let missing = GitRemote { branch: Some("none".to_owned()), ..bare.remote() };
    let steps = [wrong, strict, odd, missing].map(JobStep::Clone);
    let ended = run(tree.path(), steps.into_iter().chain([push(Some(bare.remote()), None)]).collect()).await;
    let codes = ["remote_refused", "address_not_allowed", "invalid", "remote_not_found", "conflict", "conflict"];
    assert_eq!(ended.codes(), codes, "{ended:?}");
    let text = serde_json::to_string(&ended.events).unwrap() + &ended.stderr;
    assert!(!text.contains(&canary) && !text.contains(&bare.server.token), "{text}");
    assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 0, "nothing is left of what failed");
}
