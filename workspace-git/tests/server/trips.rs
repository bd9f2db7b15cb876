//! There and back: every operation, over every transport.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use workspace_core::port::{SyncBackend, SyncRequest};
use workspace_core::testing::conformance::sync_backend;
use workspace_git::{Credentials, GitTree, NewBranch};

use crate::common::{Bare, commit, folder, git_in, read};

async fn there_and_back(bare: &Bare, place: &str, credentials: Credentials) {
    let (tree, other) = (folder(), folder());
    let sync = bare.at(place, credentials);
    let cloned = sync.clone_into(tree.path()).await.unwrap();
    assert_eq!((cloned.branch.as_str(), cloned.files), ("main", 1));
    assert_eq!(cloned.commit.unwrap(), bare.git(&["rev-parse", "main"]));
    assert!(cloned.bytes > 100, "{} bytes", cloned.bytes);
    assert_eq!(read(tree.path(), "README.md"), format!("# {}\n", bare.name));
    assert_eq!(git_in(tree.path(), &["status", "--porcelain"]), "");
    sync.clone_into(other.path()).await.unwrap();

    fs::create_dir(tree.path().join("src")).unwrap();
    fs::write(tree.path().join("src/lib.rs"), "// new\n").unwrap();
    fs::remove_file(tree.path().join("README.md")).unwrap();
    let made = commit(tree.path(), "A change").await.unwrap().unwrap();
    let pushed = sync.push_branch(tree.path()).await.unwrap();
    assert_eq!((pushed.commit.as_str(), pushed.sent, pushed.files_changed), (made.as_str(), true, 2));
    assert_eq!(bare.git(&["rev-parse", "main"]), made);
    assert_eq!(
        bare.git(&["log", "-1", "--format=%an <%ae> %s %at", "main"]),
        "Ada <ada@example.com> A change 1795262400"
    );
    assert_eq!(bare.git(&["ls-tree", "-r", "--name-only", "main"]), "src/lib.rs");

    let again = sync.push_branch(tree.path()).await.unwrap();
    assert!(!again.sent && again.files_changed == 0);
    assert_eq!(commit(tree.path(), "nothing").await.unwrap(), None);

    let pulled = sync.pull_into(other.path()).await.unwrap();
    assert_eq!((pulled.commit.unwrap(), pulled.files_changed), (made, 2));
    assert!(!other.path().join("README.md").exists() && other.path().join("src/lib.rs").exists());
    assert_eq!(git_in(other.path(), &["status", "--porcelain"]), "");
    assert_eq!(sync.pull_into(other.path()).await.unwrap().files_changed, 0);
    bare.git(&["fsck", "--strict"]);
    git_in(tree.path(), &["fsck", "--strict"]);
}

#[tokio::test]
async fn https_with_a_token() {
    let bare = Bare::seeded();
    there_and_back(&bare, &bare.server.https, bare.token()).await;
}

#[tokio::test]
async fn ssh_with_a_key() {
    let bare = Bare::seeded();
    there_and_back(&bare, &bare.server.ssh, bare.key()).await;
}

#[tokio::test]
async fn plain_http_where_the_operator_allows_it() {
    let bare = Bare::seeded();
    there_and_back(&bare, &bare.server.http, bare.token()).await;
}

#[tokio::test]
async fn public_repositories_need_no_credentials() {
    let (bare, tree) = (Bare::seeded(), folder());
    let cloned = bare.at(&bare.server.public, Credentials::None).clone_into(tree.path()).await.unwrap();
    assert_eq!(cloned.files, 1);
}

#[tokio::test]
async fn a_large_pack_comes_and_goes_over_both_transports() {
    let bare = Bare::seeded();
    let tree = folder();
    bare.sync().clone_into(tree.path()).await.unwrap();
    // Noise does not shrink: more than any buffer on the way.
    let noise: Vec<u8> =
        (0_u64..3_000_000).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).to_le_bytes()[3]).collect();
    fs::write(tree.path().join("noise"), &noise).unwrap();
    commit(tree.path(), "noise").await.unwrap();
    let pushed = bare.at(&bare.server.ssh, bare.key()).push_branch(tree.path()).await.unwrap();
    assert!(pushed.sent);
    for sync in [bare.sync(), bare.at(&bare.server.ssh, bare.key())] {
        let other = folder();
        sync.clone_into(other.path()).await.unwrap();
        assert!(fs::read(other.path().join("noise")).unwrap() == noise);
    }
    fs::write(tree.path().join("noise"), noise.iter().rev().copied().collect::<Vec<_>>()).unwrap();
    commit(tree.path(), "more noise").await.unwrap();
    assert!(bare.sync().push_branch(tree.path()).await.unwrap().sent);
}

#[tokio::test]
async fn a_shallow_clone_has_one_commit_and_goes_on_like_a_whole_one() {
    let bare = Bare::seeded();
    bare.somebody_pushes("main", "a", "1").await;
    bare.somebody_pushes("main", "a", "2").await;
    for (place, credentials) in [(&bare.server.https, bare.token()), (&bare.server.ssh, bare.key())] {
        let tree = folder();
        let sync = bare.at(place, credentials).depth(1);
        sync.clone_into(tree.path()).await.unwrap();
        assert_eq!(git_in(tree.path(), &["rev-list", "--count", "HEAD"]), "1");
        assert_eq!(git_in(tree.path(), &["rev-parse", "--is-shallow-repository"]), "true");
        bare.somebody_pushes("main", "b", place).await;
        let pulled = sync.pull_into(tree.path()).await.unwrap();
        assert_eq!(pulled.files_changed, 1);
        fs::write(tree.path().join("c"), place).unwrap();
        let made = commit(tree.path(), "from a shallow clone").await.unwrap().unwrap();
        sync.push_branch(tree.path()).await.unwrap();
        assert_eq!(bare.git(&["rev-parse", "main"]), made);
        bare.git(&["fsck", "--strict"]);
        git_in(tree.path(), &["fsck"]);
    }
}

#[tokio::test]
async fn a_branch_is_cloned_made_and_pushed() {
    let bare = Bare::seeded();
    bare.git(&["branch", "dev", "main"]);
    let on_dev = bare.somebody_pushes("dev", "dev.txt", "dev").await;
    let tree = folder();
    let cloned = bare.on_branch("dev").clone_into(tree.path()).await.unwrap();
    assert_eq!((cloned.branch.as_str(), cloned.commit), ("dev", Some(on_dev.clone())));
    assert_eq!(git_in(tree.path(), &["rev-parse", "--abbrev-ref", "HEAD@{upstream}"]), "origin/dev");

    fs::write(tree.path().join("work"), "kept").unwrap();
    let ours = GitTree::at(tree.path());
    ours.create_branch(NewBranch { name: "fix/one".into(), from: None }).await.unwrap();
    assert_eq!(read(tree.path(), "work"), "kept");
    let made = commit(tree.path(), "on a branch").await.unwrap().unwrap();
    assert!(bare.sync().push_branch(tree.path()).await.unwrap().sent);
    assert_eq!(bare.git(&["rev-parse", "fix/one"]), made);
    assert_eq!(bare.git(&["rev-parse", "dev"]), on_dev);
    ours.create_branch(NewBranch { name: "fix/two".into(), from: Some("origin/main".into()) }).await.unwrap();
    assert!(!tree.path().join("work").exists());
}

#[tokio::test]
async fn an_empty_repository_is_filled() {
    let (bare, tree, other) = (Bare::empty(), folder(), folder());
    let cloned = bare.sync().clone_into(tree.path()).await.unwrap();
    assert_eq!((cloned.branch.as_str(), cloned.commit, cloned.files), ("main", None, 0));
    assert_eq!(bare.sync().pull_into(tree.path()).await.unwrap().commit, None);
    bare.sync().clone_into(other.path()).await.unwrap();
    fs::write(tree.path().join("first"), "1").unwrap();
    let made = commit(tree.path(), "First").await.unwrap().unwrap();
    assert!(bare.sync().push_branch(tree.path()).await.unwrap().sent);
    assert_eq!(bare.git(&["rev-parse", "main"]), made);
    assert_eq!(bare.sync().pull_into(other.path()).await.unwrap().commit, Some(made));
    assert_eq!(read(other.path(), "first"), "1");
}

#[tokio::test]
async fn the_port_pulls_pushes_and_lists_versions() {
    let (bare, tree, other) = (Bare::seeded(), folder(), folder());
    let sync: Arc<dyn SyncBackend> = Arc::new(bare.on_branch("main"));
    let request = SyncRequest::default();
    let first = sync.pull(tree.path(), &request).await.unwrap();
    assert_eq!(first.files_changed, 1);
    assert_eq!(sync.status(tree.path()).await.unwrap(), 0);
    fs::write(tree.path().join("a"), "a").unwrap();
    fs::write(tree.path().join("b"), "b").unwrap();
    assert_eq!(sync.status(tree.path()).await.unwrap(), 2);
    let said = SyncRequest { message: Some("Two files".into()), version: None };
    let pushed = sync.push(tree.path(), &said).await.unwrap();
    assert_eq!(pushed.files_changed, 2);
    assert_eq!(sync.push(tree.path(), &said).await.unwrap().version, pushed.version);
    assert_eq!(bare.git(&["rev-list", "--count", "main"]), "2");
    assert_eq!(sync.status(tree.path()).await.unwrap(), 0);

    let versions = sync.versions(10).await.unwrap();
    let seen: Vec<_> = versions.iter().map(|version| (version.version.as_str(), version.message.as_str())).collect();
    assert_eq!(seen, [(pushed.version.as_str(), "Two files"), (first.version.as_str(), "First commit")]);
    assert_eq!(sync.versions(1).await.unwrap().len(), 1);

    let old = SyncRequest { version: Some(first.version.clone()), message: None };
    assert_eq!(sync.pull(other.path(), &old).await.unwrap().version, first.version);
    assert!(!other.path().join("a").exists());
    assert_eq!(sync.pull(other.path(), &request).await.unwrap().version, pushed.version);
    assert!(other.path().join("a").exists());
}

#[tokio::test]
async fn the_rules_of_the_port_hold() {
    let (bare, place) = (Bare::empty(), folder());
    sync_backend::run_all(&bare.on_branch("main"), place.path()).await;
    let (bare, place) = (Bare::empty(), folder());
    sync_backend::run_all(&bare.at(&bare.server.ssh, bare.key()), place.path()).await;
}

#[tokio::test]
async fn progress_is_told() {
    let (bare, tree) = (Bare::seeded(), folder());
    let (most_objects, most_bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (objects, bytes) = (Arc::clone(&most_objects), Arc::clone(&most_bytes));
    let sync = bare.sync().on_progress(move |progress| {
        objects.fetch_max(progress.objects, Ordering::Relaxed);
        bytes.fetch_max(progress.bytes, Ordering::Relaxed);
    });
    let cloned = sync.clone_into(tree.path()).await.unwrap();
    assert_eq!(most_objects.load(Ordering::Relaxed), 3);
    assert!((1..=cloned.bytes).contains(&most_bytes.load(Ordering::Relaxed)));
}
