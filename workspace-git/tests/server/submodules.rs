//! Submodules, where somebody asked for them: filled by the same rules as everything else.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;
use workspace_core::error::ErrorKind;
use workspace_git::{Credentials, GitSync, UrlPolicy};

use crate::common::{Bare, commit, folder, git_in, read, remote, settings};

const IDENTITY: [&str; 4] = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];

/// Somebody records a submodule, or moves it: a line in the index and what `.gitmodules` says.
async fn somebody_adds(bare: &Bare, path: &str, url: &str, commit: &str) {
    let tree = folder();
    bare.sync().clone_into(tree.path()).await.unwrap();
    let known = fs::read_to_string(tree.path().join(".gitmodules")).unwrap_or_default();
    let section = format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n");
    if !known.contains(&section) {
        fs::write(tree.path().join(".gitmodules"), known + &section).unwrap();
    }
    git_in(tree.path(), &["add", ".gitmodules"]);
    git_in(tree.path(), &["update-index", "--add", "--cacheinfo", &format!("160000,{commit},{path}")]);
    git_in(tree.path(), &[&IDENTITY[..], &["commit", "--quiet", "--message", "submodule"]].concat());
    bare.sync().push_branch(tree.path()).await.unwrap();
}

fn https(bare: &Bare) -> String {
    bare.url(&bare.server.https)
}

fn tip(bare: &Bare) -> String {
    bare.git(&["rev-parse", "main"])
}

fn recursive(bare: &Bare) -> GitSync {
    bare.sync().submodules(true)
}

#[tokio::test]
async fn they_are_brought_to_their_commits_and_forward_with_a_pull() {
    let (app, lib, inner) = (Bare::seeded(), Bare::seeded(), Bare::seeded());
    let (old, beside) = (tip(&inner), |bare: &Bare| format!("../{}.git", bare.name));
    inner.somebody_pushes("main", "later", "later").await;
    somebody_adds(&lib, "inner", &https(&inner), &old).await;
    let first = tip(&lib);
    somebody_adds(&app, "libs/lib", &beside(&lib), &first).await;
    lib.somebody_pushes("main", "new", "new").await;

    let tree = folder();
    let cloned = app.sync().clone_into(tree.path()).await.unwrap();
    let lib_there = tree.path().join("libs/lib");
    assert_eq!((cloned.submodules, fs::read_dir(&lib_there).unwrap().count()), (0, 0), "only who asks gets them");
    let pulled = recursive(&app).pull_into(tree.path()).await.unwrap();
    assert_eq!(pulled.submodules, 2, "a pull brings what is missing");

    let tree = folder();
    let cloned = recursive(&app).clone_into(tree.path()).await.unwrap();
    assert_eq!(cloned.submodules, 2);
    let lib_there = tree.path().join("libs/lib");
    assert_eq!(git_in(&lib_there, &["rev-parse", "HEAD"]), first, "the commit that is named, not the newest");
    assert!(!lib_there.join("new").exists() && !lib_there.join("inner/later").exists());
    assert_eq!(git_in(&lib_there.join("inner"), &["rev-parse", "HEAD"]), old);
    assert_eq!(git_in(tree.path(), &["status", "--porcelain"]), "", "git itself sees nothing that differs");
    assert_eq!(commit(tree.path(), "nothing").await.unwrap(), None, "nor do we");
    for config in [".git/config", "libs/lib/.git/config", "libs/lib/inner/.git/config"] {
        assert!(!read(tree.path(), config).contains(&app.server.token), "{config}");
    }

    somebody_adds(&app, "libs/lib", &beside(&lib), &tip(&lib)).await;
    recursive(&app).pull_into(tree.path()).await.unwrap();
    assert_eq!(read(&lib_there, "new"), "new");
    assert_eq!(git_in(tree.path(), &["status", "--porcelain"]), "");

    // What is only here stays.
    fs::write(lib_there.join("new"), "mine").unwrap();
    let newest = lib.somebody_pushes("main", "new", "theirs").await;
    somebody_adds(&app, "libs/lib", &beside(&lib), &newest).await;
    let error = recursive(&app).pull_into(tree.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LocalChanges, "{error:?}");
    assert!(error.message().contains("libs/lib") && error.next_step().is_some(), "{error:?}");
    assert_eq!(read(&lib_there, "new"), "mine");
}

#[tokio::test]
async fn where_a_submodule_may_not_lead_it_does_not() {
    let mark = folder();
    let touch = mark.path().join("mark");
    for (url, kind, words) in [
        (format!("ext::sh -c touch% {}", touch.display()), ErrorKind::Invalid, "git URL"),
        (format!("--upload-pack=touch {}", touch.display()), ErrorKind::Invalid, "git URL"),
        ("file:///etc".to_owned(), ErrorKind::Invalid, "scheme"),
        ("/etc".to_owned(), ErrorKind::Invalid, "local path"),
        ("../../../../../../etc".to_owned(), ErrorKind::Invalid, "leads out"),
        ("https://user:secret@example.com/x".to_owned(), ErrorKind::Invalid, "user name or a token"),
        ("https://192.168.255.1/x.git".to_owned(), ErrorKind::AddressNotAllowed, "not"),
        ("https://169.254.169.254/latest/meta-data".to_owned(), ErrorKind::AddressNotAllowed, "not"),
    ] {
        let (bare, tree) = (Bare::seeded(), folder());
        somebody_adds(&bare, "sub", &url, &tip(&bare)).await;
        let error = recursive(&bare).clone_into(tree.path()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{url}: {error:?}");
        assert!(error.message().starts_with("submodule sub: ") && error.message().contains(words), "{url}: {error:?}");
        assert!(error.next_step().is_some() && !error.message().contains("secret"), "{error:?}");
        assert_eq!(fs::read_dir(tree.path().join("sub")).unwrap().count(), 0, "{url}");
    }
    assert!(!touch.exists());
}

#[tokio::test]
async fn another_host_is_not_told_who_we_are() {
    let (bare, tree) = (Bare::seeded(), folder());
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x.git", other.local_addr().unwrap());
    somebody_adds(&bare, "sub", &url, &tip(&bare)).await;
    let sync = recursive(&bare);
    let heard = async {
        let (mut stream, _) = other.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let length = stream.read(&mut head).await.unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    };
    let (heard, cloned) = tokio::join!(timeout(Duration::from_mins(1), heard), sync.clone_into(tree.path()));
    let heard = heard.expect("the other host is asked");
    assert!(cloned.is_err() && heard.starts_with("GET /x.git/info/refs"), "{heard}");
    assert!(!heard.to_ascii_lowercase().contains("authorization"), "{heard}");
}

#[tokio::test]
async fn a_repository_that_is_its_own_submodule_has_an_end() {
    let (bare, tree) = (Bare::seeded(), folder());
    let own = tip(&bare);
    somebody_adds(&bare, "again", &format!("../{}.git", bare.name), &own).await;
    assert_eq!(recursive(&bare).clone_into(tree.path()).await.unwrap().submodules, 1, "its first commit had none");
    let mut last = tip(&bare);
    for _ in 0..6 {
        somebody_adds(&bare, "again", &format!("../{}.git", bare.name), &last).await;
        last = tip(&bare);
    }
    let tree = folder();
    let error = recursive(&bare).clone_into(tree.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    assert!(error.message().contains("deep"), "{error:?}");
}

#[tokio::test]
async fn what_stands_in_its_place_is_not_followed() {
    let (bare, lib, tree, outside) = (Bare::seeded(), Bare::seeded(), folder(), folder());
    bare.sync().clone_into(tree.path()).await.unwrap();
    somebody_adds(&bare, "libs/lib", &https(&lib), &tip(&lib)).await;
    symlink(outside.path(), tree.path().join("libs")).unwrap();
    let pulled = recursive(&bare).pull_into(tree.path()).await;
    assert!(pulled.is_err(), "{pulled:?}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    // The same when the link comes after the files.
    fs::remove_file(tree.path().join("libs")).unwrap();
    bare.sync().pull_into(tree.path()).await.unwrap();
    fs::remove_dir_all(tree.path().join("libs")).unwrap();
    symlink(outside.path(), tree.path().join("libs")).unwrap();
    let error = recursive(&bare).pull_into(tree.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn one_that_the_users_own_git_keeps_is_left_to_it() {
    let (bare, lib, tree) = (Bare::seeded(), Bare::seeded(), folder());
    somebody_adds(&bare, "lib", &https(&lib), &tip(&lib)).await;
    bare.sync().clone_into(tree.path()).await.unwrap();
    fs::write(tree.path().join("lib/.git"), "gitdir: ../.git/modules/lib\n").unwrap();
    assert_eq!(recursive(&bare).pull_into(tree.path()).await.unwrap().submodules, 0);
    assert_eq!(fs::read_dir(tree.path().join("lib")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_commit_that_its_remote_does_not_have_is_named() {
    let (bare, lib, tree) = (Bare::seeded(), Bare::seeded(), folder());
    let nowhere = "1234567890123456789012345678901234567890";
    somebody_adds(&bare, "lib", &https(&lib), nowhere).await;
    let error = recursive(&bare).clone_into(tree.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RemoteNotFound, "{error:?}");
    assert!(error.message().contains(nowhere), "{error:?}");
}

#[tokio::test]
async fn a_policy_that_allows_nothing_private_allows_no_submodule_there() {
    let (bare, tree) = (Bare::seeded(), folder());
    somebody_adds(&bare, "sub", "https://127.0.0.1/x.git", &tip(&bare)).await;
    let mut strict = settings(&bare.server);
    strict.policy = UrlPolicy { allow: vec!["10.0.0.0/8".parse().unwrap()], ..strict.policy };
    let url = bare.url(&bare.server.public);
    let sync = GitSync::new(remote(&url, Credentials::None), strict).submodules(true);
    let error = sync.clone_into(tree.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressNotAllowed, "{error:?}");
}
