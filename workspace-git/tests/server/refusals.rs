//! What cannot work is refused with the right kind and a next step, and nothing is lost.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::fs;
use std::path::Path;

use workspace_core::error::{Error, ErrorKind};
use workspace_core::secret::Secret;
use workspace_git::{
    Author, Credentials, GitSettings, GitSync, GitTree, HostKey, NewBranch, NewCommit, NewWorktree, UrlPolicy,
};

use crate::common::{Bare, commit, folder, git_in, new_commit, read, remote, server, settings};

/// A refused clone leaves the folder as it was: empty.
async fn refused_clone(sync: &GitSync) -> Error {
    let tree = folder();
    let error = sync.clone_into(tree.path()).await.unwrap_err();
    assert!(fs::read_dir(tree.path()).unwrap().next().is_none(), "something was left after: {error}");
    assert!(error.next_step().is_some(), "no next step: {error}");
    error
}

#[tokio::test]
async fn credentials_that_are_missing_or_wrong() {
    let bare = Bare::seeded();
    let place = &bare.server.https;
    let wrong = Credentials::Token { username: bare.server.username.clone(), token: Secret::new("wrong") };
    let kinds = [
        (refused_clone(&bare.at(place, Credentials::None)).await, "wants credentials"),
        (refused_clone(&bare.at(place, wrong)).await, "does not accept the credentials"),
        (refused_clone(&bare.at(place, bare.key())).await, "ssh key opens no https"),
        (refused_clone(&bare.at(&bare.server.ssh, bare.token())).await, "opened by a key"),
    ];
    for (error, words) in kinds {
        assert!([ErrorKind::RemoteRefused, ErrorKind::Invalid].contains(&error.kind()), "{error:?}");
        assert!(error.message().contains(words), "{error}");
    }
}

#[tokio::test]
async fn who_may_read_may_not_write() {
    let (bare, tree) = (Bare::seeded(), folder());
    let sync = bare.at(&bare.server.public, Credentials::None);
    sync.clone_into(tree.path()).await.unwrap();
    fs::write(tree.path().join("a"), "a").unwrap();
    commit(tree.path(), "a").await.unwrap();
    let error = sync.push_branch(tree.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RemoteRefused, "{error:?}");
    assert!(bare.sync().push_branch(tree.path()).await.unwrap().sent);
}

#[tokio::test]
async fn ssh_keys_of_strangers_on_both_sides() {
    let bare = Bare::seeded();
    let Credentials::SshKey { private_key, host_keys, .. } = bare.key() else { panic!("a key") };
    let stranger = fs::read_to_string(bare.server.root.join("../host_key")).unwrap();
    let key = |private_key, host_keys| Credentials::SshKey { private_key, passphrase: None, host_keys };
    let ssh = &bare.server.ssh;

    let error = refused_clone(&bare.at(ssh, key(private_key.clone(), Vec::new()))).await;
    assert_eq!(error.kind(), ErrorKind::RemoteRefused, "{error:?}");
    let hint = error.next_step().unwrap();
    let fingerprint = hint.split_whitespace().find(|word| word.starts_with("SHA256:")).unwrap().trim_end_matches(';');
    // The fingerprint that the hint shows is all it takes.
    let tree = folder();
    let known = key(private_key.clone(), vec![HostKey::new(fingerprint)]);
    bare.at(ssh, known).clone_into(tree.path()).await.unwrap();

    let other = HostKey::new("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAJvjU9ldDjGdLm6UO7sMbltksuyXpipm5nRLYsv5v5C");
    let error = refused_clone(&bare.at(ssh, key(private_key, vec![other]))).await;
    assert_eq!(error.kind(), ErrorKind::RemoteRefused, "{error:?}");
    let error = refused_clone(&bare.at(ssh, key(Secret::new(stranger), host_keys.clone()))).await;
    assert!(
        error.kind() == ErrorKind::RemoteRefused && error.message().contains("does not accept the key"),
        "{error:?}"
    );
    let error = refused_clone(&bare.at(ssh, key(Secret::new("no key"), host_keys))).await;
    assert_eq!(error.field(), Some("credentials"));
}

#[tokio::test]
async fn repositories_and_branches_that_are_not_there() {
    let mut bare = Bare::seeded();
    let error = refused_clone(&bare.on_branch("nowhere")).await;
    assert_eq!(error.kind(), ErrorKind::RemoteNotFound);
    assert_eq!(error.next_step(), Some("branches that it has: main"));
    for wrong in ["--force", "a..b", "a b", "HEAD", "refs/../x", "x.lock"] {
        assert_eq!(refused_clone(&bare.on_branch(wrong)).await.field(), Some("branch"), "{wrong}");
    }
    bare.name = "no-such-repository".into();
    for sync in [bare.sync(), bare.at(&bare.server.ssh, bare.key())] {
        assert_eq!(refused_clone(&sync).await.kind(), ErrorKind::RemoteNotFound);
    }
}

#[tokio::test]
async fn hosts_that_do_not_answer() {
    let server = server();
    for url in
        ["https://127.0.0.1:1/a", "http://127.0.0.1:1/a", "ssh://git@127.0.0.1:1/a", "https://no-such-host.invalid/a"]
    {
        let credentials = if url.starts_with("ssh") {
            Bare { name: String::new(), server: crate::common::server() }.key()
        } else {
            Credentials::None
        };
        let error = refused_clone(&GitSync::new(remote(url, credentials), settings(&server))).await;
        assert_eq!(error.kind(), ErrorKind::RemoteUnreachable, "{url}: {error:?}");
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn private_addresses_without_the_operators_word() {
    let bare = Bare::seeded();
    let strict = GitSettings { ca_file: Some(bare.server.ca.clone()), ..GitSettings::default() };
    for (place, credentials) in [(&bare.server.https, bare.token()), (&bare.server.ssh, bare.key())] {
        let sync = GitSync::new(remote(&bare.url(place), credentials), strict.clone());
        assert_eq!(refused_clone(&sync).await.kind(), ErrorKind::AddressNotAllowed);
    }
    let allow_all = UrlPolicy { insecure_http: false, ..settings(&bare.server).policy };
    let no_http = GitSettings { policy: allow_all, ..strict };
    let sync = GitSync::new(remote(&bare.url(&bare.server.http), bare.token()), no_http);
    assert_eq!(refused_clone(&sync).await.field(), Some("url"));
}

#[tokio::test]
async fn certificates_of_strangers() {
    let bare = Bare::seeded();
    let certificates = bare.server.ca.parent().unwrap();
    let with_ca = |ca: &Path| {
        let settings = GitSettings { ca_file: Some(ca.to_owned()), ..settings(&bare.server) };
        GitSync::new(remote(&bare.url(&bare.server.https), bare.token()), settings)
    };
    let error = refused_clone(&with_ca(&certificates.join("other-ca.pem"))).await;
    assert_eq!(error.kind(), ErrorKind::TlsRefused, "{error:?}");
    assert_eq!(refused_clone(&with_ca(&certificates.join("none.pem"))).await.field(), Some("ca_file"));

    let with_more = |text: &str| {
        let ca_file = Some(certificates.join("other-ca.pem"));
        let settings = GitSettings { ca_file, more_authorities: Some(text.to_owned()), ..settings(&bare.server) };
        GitSync::new(remote(&bare.url(&bare.server.https), bare.token()), settings)
    };
    let ours = fs::read_to_string(&bare.server.ca).unwrap();
    assert_eq!(with_more(&ours).clone_into(folder().path()).await.unwrap().files, 1);
    let broken = ours.replace("-----END", "-----");
    assert_eq!(refused_clone(&with_more(&broken)).await.field(), Some("more_authorities"));
}

#[tokio::test]
async fn a_folder_that_is_not_empty() {
    let (bare, tree) = (Bare::seeded(), folder());
    fs::write(tree.path().join("mine"), "mine").unwrap();
    let error = bare.sync().clone_into(tree.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(bare.sync().pull_into(tree.path()).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(read(tree.path(), "mine"), "mine");
    assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_push_that_would_drop_commits() {
    let (bare, tree) = (Bare::seeded(), folder());
    bare.sync().clone_into(tree.path()).await.unwrap();
    let theirs = bare.somebody_pushes("main", "theirs", "theirs").await;
    fs::write(tree.path().join("ours"), "ours").unwrap();
    let ours = commit(tree.path(), "ours").await.unwrap().unwrap();
    for sync in [bare.sync(), bare.at(&bare.server.ssh, bare.key())] {
        let error = sync.push_branch(tree.path()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error:?}");
        assert!(error.next_step().unwrap().contains("pull"));
        // Their commit is known here after the pull that cannot fast-forward: still no push.
        assert_eq!(sync.pull_into(tree.path()).await.unwrap_err().kind(), ErrorKind::Diverged);
        assert_eq!(sync.push_branch(tree.path()).await.unwrap_err().kind(), ErrorKind::Diverged);
    }
    assert_eq!(bare.git(&["rev-parse", "main"]), theirs);
    assert_eq!(git_in(tree.path(), &["rev-parse", "HEAD"]), ours);
    let status = GitTree::at(tree.path()).status().await.unwrap();
    assert_eq!((status.ahead, status.behind, status.changed), (1, 1, 0));
    GitTree::at(tree.path()).create_branch(NewBranch { name: "way-out".into(), from: None }).await.unwrap();
    assert!(bare.sync().push_branch(tree.path()).await.unwrap().sent);
}

#[tokio::test]
async fn the_servers_own_hook_says_no() {
    let (bare, tree) = (Bare::seeded(), folder());
    let hook = bare.path().join("hooks/update");
    fs::write(&hook, "#!/bin/sh\necho main is protected >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    bare.sync().clone_into(tree.path()).await.unwrap();
    fs::write(tree.path().join("a"), "a").unwrap();
    commit(tree.path(), "a").await.unwrap();
    let before = git_in(tree.path(), &["rev-parse", "origin/main"]);
    let error = bare.sync().push_branch(tree.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RemoteRefused, "{error:?}");
    assert!(error.message().contains("hook declined"), "{error}");
    assert_eq!(git_in(tree.path(), &["rev-parse", "origin/main"]), before);
}

#[tokio::test]
async fn a_pull_over_changes_loses_none_of_them() {
    let (bare, tree) = (Bare::seeded(), folder());
    bare.somebody_pushes("main", "shared", "old").await;
    bare.sync().clone_into(tree.path()).await.unwrap();
    let before = git_in(tree.path(), &["rev-parse", "HEAD"]);
    bare.somebody_pushes("main", "shared", "new").await;
    bare.somebody_pushes("main", "untracked", "theirs").await;
    bare.somebody_pushes("main", "ignored", "theirs").await;
    let last = bare.somebody_pushes("main", "other", "theirs").await;

    let change = [("shared", "mine"), ("untracked", "mine"), ("ignored", "mine")];
    fs::write(tree.path().join(".git/info/exclude"), "ignored\n").unwrap();
    for (file, text) in change {
        fs::write(tree.path().join(file), text).unwrap();
        let error = bare.sync().pull_into(tree.path()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LocalChanges, "{file}: {error:?}");
        assert!(error.next_step().unwrap().ends_with(file), "{error:?}");
        assert_eq!(read(tree.path(), file), "mine");
        assert!(!tree.path().join("other").exists(), "half a pull");
        assert_eq!(git_in(tree.path(), &["rev-parse", "HEAD"]), before);
        fs::rename(tree.path().join(file), tree.path().join(format!("{file}.kept"))).unwrap();
        git_in(tree.path(), &["checkout", "--", "."]);
    }
    // A change that the pull does not touch comes along.
    fs::write(tree.path().join("README.md"), "mine").unwrap();
    assert_eq!(bare.sync().pull_into(tree.path()).await.unwrap().commit, Some(last));
    assert_eq!((read(tree.path(), "README.md"), read(tree.path(), "shared")), ("mine".into(), "new".into()));
    assert_eq!(read(tree.path(), "shared.kept"), "mine");
}

#[tokio::test]
async fn states_that_allow_nothing() {
    let (bare, tree) = (Bare::seeded(), folder());
    bare.sync().clone_into(tree.path()).await.unwrap();
    let ours = GitTree::at(tree.path());
    let taken = ours.create_branch(NewBranch { name: "main".into(), from: None }).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::NameTaken);
    let lost = ours.create_branch(NewBranch { name: "x".into(), from: Some("nowhere".into()) }).await.unwrap_err();
    assert_eq!(lost.field(), Some("from"));
    for path in ["../out", "/tmp/out", ".git/x", "a/../b", "no/such/folder", "", "*", "a\nb"] {
        let new = NewWorktree { name: "w".into(), path: path.into() };
        assert_eq!(ours.add_worktree(new).await.unwrap_err().kind(), ErrorKind::Invalid, "{path}");
    }
    let author = Author { name: "a\n<b>".into(), email: String::new() };
    fs::write(tree.path().join("a"), "a").unwrap();
    let nobody = ours.commit(NewCommit { author, ..new_commit("a") }).await.unwrap_err();
    assert_eq!(nobody.field(), Some("author"));

    fs::write(tree.path().join(".git/index.lock"), "").unwrap();
    assert_eq!(commit(tree.path(), "a").await.unwrap_err().kind(), ErrorKind::Conflict);
    fs::remove_file(tree.path().join(".git/index.lock")).unwrap();
    let head = git_in(tree.path(), &["rev-parse", "HEAD"]);
    fs::write(tree.path().join(".git/MERGE_HEAD"), format!("{head}\n")).unwrap();
    assert_eq!(commit(tree.path(), "a").await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(bare.sync().pull_into(tree.path()).await.unwrap_err().kind(), ErrorKind::Conflict);
    fs::remove_file(tree.path().join(".git/MERGE_HEAD")).unwrap();
    git_in(tree.path(), &["checkout", "--quiet", "--detach"]);
    assert_eq!(bare.sync().push_branch(tree.path()).await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn nothing_to_push() {
    let (bare, tree) = (Bare::empty(), folder());
    bare.sync().clone_into(tree.path()).await.unwrap();
    assert_eq!(bare.sync().push_branch(tree.path()).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert!(bare.sync().pull_into(folder().path()).await.is_err());
}
