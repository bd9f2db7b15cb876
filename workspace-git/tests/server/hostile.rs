//! Repositories that want to run programs or to write where they must not.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use workspace_core::error::ErrorKind;
use workspace_git::{GitTree, NewBranch, NewWorktree};

use crate::common::{Bare, commit, folder, git_in, read, run};

const HOOKS: [&str; 14] = [
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-checkout",
    "post-commit",
    "post-merge",
    "post-update",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "prepare-commit-msg",
    "reference-transaction",
    "update",
];

/// A program that leaves a mark when it is run.
fn trap_program(folder: &Path) -> (PathBuf, PathBuf) {
    let (program, mark) = (folder.join("trap"), folder.join("mark"));
    fs::write(&program, format!("#!/bin/sh\necho \"$0 $*\" >> {}\n", mark.display())).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    (program, mark)
}

/// Settings that make git run a program, each known to somebody's sorrow.
fn settings_that_run(program: &Path) -> String {
    let mut text = String::new();
    for (section, key) in [
        ("core", "fsmonitor"),
        ("core", "sshCommand"),
        ("core", "editor"),
        ("core", "pager"),
        ("core", "askPass"),
        ("core", "gitProxy"),
        ("core", "alternateRefsCommand"),
        ("credential", "helper"),
        ("diff", "external"),
        ("gpg", "program"),
        ("uploadpack", "packObjectsHook"),
        ("remote \"origin\"", "uploadpack"),
        ("remote \"origin\"", "receivepack"),
        ("filter \"trap\"", "clean"),
        ("filter \"trap\"", "smudge"),
        ("filter \"trap\"", "process"),
        ("merge \"trap\"", "driver"),
        ("diff \"trap\"", "textconv"),
        ("diff \"trap\"", "command"),
        ("submodule \"s\"", "update"),
    ] {
        let bang = if key == "helper" || key == "update" { "!" } else { "" };
        writeln!(text, "[{section}]\n\t{key} = \"{bang}{}\"", program.display()).unwrap();
    }
    text + "[commit]\n\tgpgsign = true\n[push]\n\tgpgSign = true\n"
}

fn append(file: &Path, text: &str) {
    fs::OpenOptions::new().append(true).create(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}

#[tokio::test]
async fn no_hook_and_no_program_of_the_settings_is_run() {
    let (bare, tree, traps) = (Bare::seeded(), folder(), folder());
    bare.somebody_pushes("main", ".gitattributes", "* filter=trap merge=trap diff=trap\n").await;
    let (program, mark) = trap_program(traps.path());
    bare.sync().clone_into(tree.path()).await.unwrap();
    let dot_git = tree.path().join(".git");
    for hooks in [dot_git.join("hooks"), traps.path().join("hooks")] {
        fs::create_dir_all(&hooks).unwrap();
        for hook in HOOKS {
            symlink(&program, hooks.join(hook)).unwrap();
        }
    }
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    append(&dot_git.join("config"), &settings_that_run(&program));
    let more = format!(
        "[core]\n\thooksPath = \"{}\"\n[http]\n\tproxy = {url}\n\tsslVerify = false\n[remote \"origin\"]\n\tproxy = {url}\n\tpushurl = {url}/x\n",
        traps.path().join("hooks").display()
    );
    append(&dot_git.join("config"), &more);

    let ours = GitTree::at(tree.path());
    ours.status().await.unwrap();
    fs::write(tree.path().join("a"), "a").unwrap();
    commit(tree.path(), "a").await.unwrap().unwrap();
    bare.sync().push_branch(tree.path()).await.unwrap();
    bare.somebody_pushes("main", "b", "b").await;
    assert_eq!(bare.sync().pull_into(tree.path()).await.unwrap().files_changed, 1);
    ours.create_branch(NewBranch { name: "x".into(), from: Some("HEAD~1".into()) }).await.unwrap();
    ours.add_worktree(NewWorktree { name: "w".into(), path: "w".into() }).await.unwrap();
    bare.at(&bare.server.ssh, bare.key()).push_branch(tree.path()).await.unwrap();
    assert!(!mark.exists(), "run: {}", fs::read_to_string(&mark).unwrap());
    proxy.set_nonblocking(true).unwrap();
    assert!(proxy.accept().is_err(), "the proxy of the settings was asked");
    // The traps do work: git itself falls into them.
    let _ = Command::new("/usr/bin/git").arg("-C").arg(tree.path()).args(["status"]).env("HOME", traps.path()).output();
    assert!(mark.exists(), "the traps are none");
}

#[tokio::test]
async fn settings_of_the_machine_run_nothing_either() {
    let traps = folder();
    let (program, mark) = trap_program(traps.path());
    let template = traps.path().join("template/hooks");
    fs::create_dir_all(&template).unwrap();
    for hook in HOOKS {
        symlink(&program, template.join(hook)).unwrap();
    }
    let more = format!(
        "[init]\n\ttemplateDir = \"{0}\"\n[core]\n\thooksPath = \"{0}/hooks\"\n",
        traps.path().join("template").display()
    );
    for file in [".gitconfig", ".config/git/config"] {
        fs::create_dir_all(traps.path().join(file).parent().unwrap()).unwrap();
        fs::write(traps.path().join(file), settings_that_run(&program) + &more).unwrap();
    }
    let (bare, tree) = (Bare::seeded(), folder());
    // The same test program, in that environment.
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "hostile::a_life_in_a_hostile_environment", "--ignored"]);
    again.env("HOME", traps.path()).env_remove("XDG_CONFIG_HOME").env("GIT_TEMPLATE_DIR", template.parent().unwrap());
    again.env("GIT_DIR", traps.path()).env("GIT_PROXY_COMMAND", &program).env("GIT_SSH_COMMAND", &program);
    again.env("http_proxy", "http://127.0.0.1:1").env("all_proxy", "http://127.0.0.1:1");
    let output = run(again.env("TEST_REPOSITORY", &bare.name).env("TEST_TREE", tree.path()));
    assert!(output.contains("1 passed"), "{output}");
    assert!(!mark.exists(), "run: {}", fs::read_to_string(&mark).unwrap());
    assert!(!tree.path().join(".git/hooks/pre-commit").exists());
    assert_eq!(bare.git(&["rev-list", "--count", "main"]), "3");
}

#[tokio::test]
#[ignore = "settings_of_the_machine_run_nothing_either runs it in a hostile environment"]
async fn a_life_in_a_hostile_environment() {
    let variable = |name| std::env::var(name).unwrap();
    let bare = Bare { server: crate::common::server(), name: variable("TEST_REPOSITORY") };
    let tree = PathBuf::from(variable("TEST_TREE"));
    bare.sync().clone_into(&tree).await.unwrap();
    for (at, sync) in [bare.sync(), bare.at(&bare.server.ssh, bare.key())].into_iter().enumerate() {
        fs::write(tree.join("a"), at.to_string()).unwrap();
        commit(&tree, "a").await.unwrap().unwrap();
        assert!(sync.push_branch(&tree).await.unwrap().sent);
        sync.pull_into(&tree).await.unwrap();
        GitTree::at(&tree).status().await.unwrap();
    }
}

#[tokio::test]
async fn settings_that_turn_the_url_are_not_followed() {
    let (bare, tree) = (Bare::seeded(), folder());
    let thief = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = thief.local_addr().unwrap();
    bare.sync().clone_into(tree.path()).await.unwrap();
    let config = tree.path().join(".git/config");
    let clean = fs::read_to_string(&config).unwrap();
    fs::write(tree.path().join("a"), "a").unwrap();
    commit(tree.path(), "a").await.unwrap();
    for (key, prefix) in [
        ("insteadOf", "http://"),
        ("insteadOf", "http://127.0.0.1"),
        ("pushInsteadOf", "http://"),
        ("insteadOf", "git://"),
        ("insteadOf", ""),
    ] {
        fs::write(&config, format!("{clean}[url \"http://{place}/\"]\n\t{key} = \"{prefix}\"\n")).unwrap();
        for sync in [bare.sync(), bare.at(&bare.server.ssh, bare.key())] {
            // Either refused, or not touched by it at all.
            if let Err(error) = sync.push_branch(tree.path()).await {
                assert_eq!(error.kind(), ErrorKind::Conflict, "{key} {prefix}: {error:?}");
            }
        }
    }
    thief.set_nonblocking(true).unwrap();
    assert!(thief.accept().is_err(), "a turned URL was asked");
    // The remote of that name is the user's; ours is the one that was given.
    fs::write(&config, clean.replace(&bare.server.https, &format!("http://{place}"))).unwrap();
    assert!(!bare.sync().push_branch(tree.path()).await.unwrap().commit.is_empty());
    assert!(thief.accept().is_err());
}

#[tokio::test]
async fn settings_that_lead_out_of_the_tree_are_refused() {
    let (bare, outside) = (Bare::seeded(), folder());
    fs::write(outside.path().join("private"), "private").unwrap();
    for trap in ["core.worktree", "bare", "link", "file", "commondir"] {
        let tree = folder();
        bare.sync().clone_into(tree.path()).await.unwrap();
        let dot_git = tree.path().join(".git");
        let elsewhere = outside.path().join(trap);
        match trap {
            "core.worktree" => {
                append(&dot_git.join("config"), &format!("[core]\n\tworktree = {}\n", outside.path().display()));
            }
            "bare" => append(&dot_git.join("config"), "[core]\n\tbare = true\n"),
            "commondir" => {
                run(Command::new("cp").arg("-a").arg(&dot_git).arg(&elsewhere));
                fs::write(dot_git.join("commondir"), elsewhere.to_str().unwrap()).unwrap();
            }
            _ => {
                fs::rename(&dot_git, &elsewhere).unwrap();
                if trap == "link" {
                    symlink(&elsewhere, &dot_git).unwrap();
                } else {
                    fs::write(&dot_git, format!("gitdir: {}\n", elsewhere.display())).unwrap();
                }
            }
        }
        for error in [
            commit(tree.path(), "x").await.unwrap_err(),
            bare.sync().pull_into(tree.path()).await.unwrap_err(),
            bare.sync().push_branch(tree.path()).await.unwrap_err(),
            GitTree::at(tree.path()).status().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Conflict, "{trap}: {error:?}");
        }
    }
    assert!(!bare.git(&["ls-tree", "-r", "main"]).contains("private"));
}

#[tokio::test]
async fn submodules_are_left_alone() {
    let (bare, tree) = (Bare::seeded(), folder());
    let evil = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = evil.local_addr().unwrap();
    let modules = format!(
        "[submodule \"s\"]\n\tpath = s\n\turl = http://{place}/x\n[submodule \"t\"]\n\tpath = t\n\turl = ext::sh -c 'touch /tmp/x'\n"
    );
    let commit = "0123456789012345678901234567890123456789";
    let blob = object(&bare, "blob", modules.as_bytes());
    bare.set_main(&[("100644", ".gitmodules", &blob), ("160000", "s", commit), ("160000", "t", commit)]);
    let cloned = bare.sync().clone_into(tree.path()).await.unwrap();
    assert_eq!(cloned.files, 3);
    for folder in ["s", "t"] {
        assert_eq!(fs::read_dir(tree.path().join(folder)).unwrap().count(), 0);
    }
    fs::write(tree.path().join("a"), "a").unwrap();
    crate::common::commit(tree.path(), "a").await.unwrap();
    bare.sync().push_branch(tree.path()).await.unwrap();
    assert!(bare.git(&["ls-tree", "main"]).contains(&format!("160000 commit {commit}\ts")));
    evil.set_nonblocking(true).unwrap();
    assert!(evil.accept().is_err(), "a submodule was fetched");
}

#[tokio::test]
async fn names_that_git_must_not_write_are_refused() {
    let payload = b"[core]\n\tfsmonitor = payload\n";
    for name in [".git", ".GIT", ".Git", "..", ".", "git~1", ".git.", ".git ", ".git::$INDEX_ALLOCATION"] {
        let (bare, above) = (Bare::seeded(), folder());
        let tree = above.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let blob = object(&bare, "blob", payload);
        let inner = raw_tree(&bare, &[("100644", "config", &blob), ("100644", "planted", &blob)]);
        bare.set_main(&[("40000", name, &inner)]);
        let cloned = bare.sync().clone_into(&tree).await;
        if let Err(error) = &cloned {
            assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}: {error:?}");
        } else {
            assert!(name.eq_ignore_ascii_case(".git") && name != ".git", "{name:?} was written");
        }
        assert!(!above.path().join("planted").exists() && !above.path().join("config").exists(), "{name:?}");
        assert!(!tree.join(".git/planted").exists(), "{name:?}");
        assert!(!fs::read_to_string(tree.join(".git/config")).unwrap_or_default().contains("payload"), "{name:?}");
    }
    for name in ["a/b", "../planted", "/tmp/planted-by-git", ".git/planted"] {
        let (bare, above) = (Bare::seeded(), folder());
        let tree = above.path().join("tree");
        fs::create_dir(&tree).unwrap();
        bare.set_main(&[("100644", name, &object(&bare, "blob", payload))]);
        let cloned = bare.sync().clone_into(&tree).await;
        assert!(cloned.is_err() || name == "a/b", "{name}");
        assert!(!above.path().join("planted").exists() && !Path::new("/tmp/planted-by-git").exists(), "{name}");
    }
}

#[tokio::test]
async fn links_lead_nothing_out_of_the_tree() {
    let (bare, outside) = (Bare::seeded(), folder());
    let target = outside.path().to_str().unwrap();
    let (link, file) = (object(&bare, "blob", target.as_bytes()), object(&bare, "blob", b"planted"));
    let inner = raw_tree(&bare, &[("100644", "planted", &file)]);

    // A link and a folder of the same name in one tree, in both orders.
    for entries in [
        [("120000", "d", link.as_str()), ("40000", "d", inner.as_str())],
        [("40000", "d", inner.as_str()), ("120000", "d", link.as_str())],
    ] {
        bare.set_main(&entries);
        let _ = bare.sync().clone_into(folder().path()).await;
        assert!(!outside.path().join("planted").exists());
    }
    // Link first, then a folder in its place, by a pull.
    let tree = folder();
    bare.set_main(&[("120000", "d", &link)]);
    bare.sync().clone_into(tree.path()).await.unwrap();
    assert_eq!(fs::read_link(tree.path().join("d")).unwrap(), outside.path());
    bare.add_to_main(&[("40000", "d", &inner)]);
    bare.sync().pull_into(tree.path()).await.unwrap();
    assert_eq!(read(tree.path(), "d/planted"), "planted");
    assert!(!outside.path().join("planted").exists());
    // The user puts a link where a folder was; a pull brings a new file for that folder.
    fs::remove_dir_all(tree.path().join("d")).unwrap();
    symlink(outside.path(), tree.path().join("d")).unwrap();
    let more = raw_tree(&bare, &[("100644", "new", &file), ("100644", "planted", &file)]);
    bare.add_to_main(&[("40000", "d", &more)]);
    let _ = bare.sync().pull_into(tree.path()).await;
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    // What a link points at is never what is committed.
    fs::write(outside.path().join("private"), "private").unwrap();
    commit(tree.path(), "link").await.unwrap();
    assert_eq!(git_in(tree.path(), &["ls-files", "d/private"]), "");
}

#[tokio::test]
async fn packs_that_lie_are_refused() {
    let bare = Bare::seeded();
    let tree = folder();
    // An object whose content is not what its name says: the server's own check is not asked for.
    let blob = bare.git(&["rev-parse", "main:README.md"]);
    let file = bare.path().join("objects").join(&blob[..2]).join(&blob[2..]);
    let other = object(&bare, "blob", b"something else");
    fs::remove_file(&file).unwrap();
    fs::copy(bare.path().join("objects").join(&other[..2]).join(&other[2..]), &file).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let error = bare.sync().clone_into(tree.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    assert!(!tree.path().join("README.md").exists());
    // What is left is known as half a clone: the next one goes on over it.
    assert_eq!(Bare::seeded().sync().clone_into(tree.path()).await.unwrap().files, 1);
}

/// Writes an object as it is, however wrong.
fn object(bare: &Bare, kind: &str, bytes: &[u8]) -> String {
    let mut child = Command::new("runuser")
        .args(["-u", "www-data", "--", "/usr/bin/git", "-C"])
        .arg(bare.path())
        .args(["hash-object", "--literally", "-w", "-t", kind, "--stdin"])
        .env("HOME", &bare.server.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A tree as raw bytes: `git mktree` would refuse some names.
fn raw_tree(bare: &Bare, entries: &[(&str, &str, &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        bytes.extend((0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()));
    }
    object(bare, "tree", &bytes)
}

impl Bare {
    /// Makes main a commit with these entries and no past.
    fn set_main(&self, entries: &[(&str, &str, &str)]) {
        self.commit_tree(entries, &[]);
    }

    /// Puts a commit with these entries on top of main.
    fn add_to_main(&self, entries: &[(&str, &str, &str)]) {
        self.commit_tree(entries, &["-p", "main"]);
    }

    fn commit_tree(&self, entries: &[(&str, &str, &str)], parents: &[&str]) {
        let tree = raw_tree(self, entries);
        let commit = self.git(
            &[&["-c", "user.name=x", "-c", "user.email=x@x", "commit-tree", "-m", "hostile", &tree], parents].concat(),
        );
        self.git(&["update-ref", "refs/heads/main", &commit]);
    }
}
