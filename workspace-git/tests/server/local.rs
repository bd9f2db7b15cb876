//! What needs no remote once the tree is there, and clones that were interrupted.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use workspace_core::error::ErrorKind;
use workspace_git::{GitTree, NewWorktree};

use crate::common::{Bare, commit, folder, git_in, read, run};

#[tokio::test]
async fn status_counts_what_differs() {
    let (bare, tree) = (Bare::seeded(), folder());
    bare.sync().clone_into(tree.path()).await.unwrap();
    let ours = GitTree::at(tree.path());
    let clean = ours.status().await.unwrap();
    assert_eq!((clean.changed, clean.to_push, clean.ahead, clean.behind), (0, 0, 0, 0));
    assert_eq!(clean.branch.as_deref(), Some("main"));

    fs::create_dir(tree.path().join("new")).unwrap();
    fs::write(tree.path().join("new/a"), "a").unwrap();
    fs::write(tree.path().join("new/b"), "b").unwrap();
    fs::write(tree.path().join(".gitignore"), "ignored\n").unwrap();
    fs::write(tree.path().join("ignored"), "x").unwrap();
    fs::write(tree.path().join("README.md"), "x").unwrap();
    let dirty = ours.status().await.unwrap();
    assert_eq!((dirty.changed, dirty.to_push, dirty.ahead), (4, 4, 0));
    let made = commit(tree.path(), "all").await.unwrap();
    let ahead = ours.status().await.unwrap();
    assert_eq!((ahead.changed, ahead.to_push, ahead.ahead, ahead.commit), (0, 4, 1, made));
    assert_eq!(git_in(tree.path(), &["ls-files", "ignored"]), "");
    bare.sync().push_branch(tree.path()).await.unwrap();
    bare.somebody_pushes("main", "theirs", "x").await;
    let pushed = ours.status().await.unwrap();
    assert_eq!((pushed.to_push, pushed.ahead, pushed.behind), (0, 0, 0), "the remote was not asked");
}

#[tokio::test]
async fn modes_links_and_odd_names_are_committed_as_they_are() {
    let (bare, tree, other) = (Bare::seeded(), folder(), folder());
    bare.sync().clone_into(tree.path()).await.unwrap();
    let at = |name: &str| tree.path().join(name);
    fs::write(at("run.sh"), "#!/bin/sh\r\n").unwrap();
    fs::set_permissions(at("run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", at("link")).unwrap();
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9 \"quoted\"\n-x");
    fs::write(tree.path().join(odd), "odd").unwrap();
    run(Command::new("mkfifo").arg(at("fifo")));
    // A repository inside the tree is somebody's own.
    fs::create_dir(at("inner")).unwrap();
    git_in(&at("inner"), &["init", "--quiet"]);
    fs::write(at("inner/file"), "x").unwrap();

    assert_eq!(
        GitTree::at(tree.path()).status().await.unwrap().changed,
        3,
        "neither the pipe nor the inner repository"
    );
    commit(tree.path(), "odd things").await.unwrap().unwrap();
    bare.sync().push_branch(tree.path()).await.unwrap();
    bare.sync().clone_into(other.path()).await.unwrap();
    assert_eq!(fs::read_link(other.path().join("link")).unwrap().to_str(), Some("/etc/passwd"));
    assert_eq!(fs::metadata(other.path().join("run.sh")).unwrap().permissions().mode() & 0o111, 0o111);
    assert_eq!(read(other.path(), "run.sh"), "#!/bin/sh\r\n");
    assert_eq!(fs::read(other.path().join(odd)).unwrap(), b"odd");
    assert!(!other.path().join("inner").exists() && !other.path().join("fifo").exists());
    assert_eq!(commit(tree.path(), "again").await.unwrap(), None);
}

#[tokio::test]
async fn a_worktree_has_a_branch_and_files_of_its_own() {
    let (bare, tree) = (Bare::seeded(), folder());
    bare.sync().clone_into(tree.path()).await.unwrap();
    let ours = GitTree::at(tree.path());
    fs::create_dir(tree.path().join(".worktrees")).unwrap();
    let new = NewWorktree { name: "agent/one".into(), path: ".worktrees/one".into() };
    let place = ours.add_worktree(new.clone()).await.unwrap();
    assert_eq!(ours.add_worktree(new).await.unwrap_err().kind(), ErrorKind::NameTaken);
    assert_eq!(read(&place, "README.md"), format!("# {}\n", bare.name));
    fs::write(place.join("work"), "work").unwrap();
    let made = commit(&place, "in the worktree").await.unwrap().unwrap();
    assert!(bare.sync().push_branch(&place).await.unwrap().sent);
    assert_eq!(bare.git(&["rev-parse", "agent/one"]), made);
    assert_eq!(ours.status().await.unwrap().changed, 0);
    assert_eq!(commit(tree.path(), "nothing").await.unwrap(), None);
    assert!(git_in(tree.path(), &["worktree", "list"]).contains("agent/one"));

    std::os::unix::fs::symlink("/tmp", tree.path().join("out")).unwrap();
    let outside = NewWorktree { name: "x".into(), path: "out/x".into() };
    assert_eq!(ours.add_worktree(outside).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn an_interrupted_clone_goes_on() {
    let bare = Bare::seeded();
    bare.somebody_pushes("main", "second", "2").await;
    let (whole, half) = (folder(), folder());
    bare.sync().clone_into(whole.path()).await.unwrap();
    // As after a crash in the middle of writing files: all objects, some files, no branch, a lock.
    run(Command::new("cp").arg("-a").arg(whole.path().join(".git")).arg(half.path()));
    fs::remove_file(half.path().join(".git/index")).unwrap();
    fs::remove_dir_all(half.path().join(".git/refs/heads")).unwrap();
    fs::create_dir(half.path().join(".git/refs/heads")).unwrap();
    fs::write(half.path().join(".git/index.lock"), "").unwrap();
    fs::write(half.path().join(".git/unfinished-clone"), "").unwrap();
    fs::write(half.path().join("second"), "ha").unwrap();
    let cloned = bare.sync().clone_into(half.path()).await.unwrap();
    assert_eq!(cloned.files, 2);
    assert_eq!(read(half.path(), "second"), "2");
    assert_eq!(git_in(half.path(), &["status", "--porcelain"]), "");
    assert_eq!(bare.sync().clone_into(half.path()).await.unwrap_err().kind(), ErrorKind::Conflict);
}
