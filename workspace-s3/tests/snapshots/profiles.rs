//! What profile `source` leaves out, and only that.

use std::path::Path;

use workspace_s3::{Profile, RestoreOptions, SnapshotOptions};

use crate::look::look;
use crate::places::{directory, sync};
use crate::plant;

async fn kept(tree: &Path, options: SnapshotOptions) -> Vec<String> {
    let place = tempfile::tempdir().unwrap();
    let (sync, target) = (sync(&directory(&place.path().join("storage"))), place.path().join("target"));
    sync.snapshot(tree, &options).await.unwrap();
    sync.restore(&target, &RestoreOptions::default()).await.unwrap();
    let files = look(&target).into_keys().filter(|name| target.join(name).is_file());
    files.collect()
}

fn source() -> SnapshotOptions {
    SnapshotOptions { profile: Profile::Source, ..SnapshotOptions::default() }
}

fn grow(tree: &Path, files: &[&str]) {
    for file in files {
        plant::write(&tree.join(file), "x");
    }
}

const SIGNATURE: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

#[tokio::test]
async fn directories_go_only_where_their_marker_stands() {
    let place = tempfile::tempdir().unwrap();
    let left_out = ["js/node_modules/x/index.js", "rust/target/debug/x", "py/venv/pyvenv.cfg", "py/venv/lib/x.py"];
    let kept_files = [
        ".env",
        "js/package.json",
        "not-js/node_modules/x.js",
        "not-rust/target/x",
        "py/main.py",
        "rust/Cargo.toml",
        "rust/src/target",
        "tagged/not/CACHEDIR.TAG",
        "tagged/not/x",
    ];
    grow(place.path(), &left_out);
    grow(place.path(), &kept_files);
    plant::write(&place.path().join("tagged/cache/CACHEDIR.TAG"), SIGNATURE);
    plant::write(&place.path().join("tagged/cache/x"), "x");
    assert_eq!(kept(place.path(), source()).await, kept_files);
    let everything = kept(place.path(), SnapshotOptions::default()).await;
    assert_eq!(everything.len(), left_out.len() + kept_files.len() + 2);
}

#[tokio::test]
async fn the_workspace_file_has_the_last_word() {
    let place = tempfile::tempdir().unwrap();
    let tree = place.path();
    grow(
        tree,
        &["a/package.json", "a/node_modules/x", "b/package.json", "b/node_modules/x", "big.iso", "b/logs/1.log"],
    );
    grow(tree, &["b/logs/keep.log", "c/venv/pyvenv.cfg"]);
    plant::write(&tree.join(".workspaceignore"), "!/a/node_modules/\n!venv/\n*.iso\n*.log\n");
    plant::write(&tree.join("b/.workspaceignore"), "!keep.log\n");
    let expected = [
        ".workspaceignore",
        "a/node_modules/x",
        "a/package.json",
        "b/.workspaceignore",
        "b/logs/keep.log",
        "b/package.json",
        "c/venv/pyvenv.cfg",
    ];
    assert_eq!(kept(tree, source()).await, expected);
}

#[tokio::test]
async fn git_files_count_only_when_asked() {
    let place = tempfile::tempdir().unwrap();
    let tree = place.path();
    grow(tree, &[".env", ".git/HEAD", "main.rs", "sub/.git"]);
    plant::write(&tree.join(".gitignore"), ".env\n");
    assert_eq!(kept(tree, source()).await, [".env", ".git/HEAD", ".gitignore", "main.rs", "sub/.git"]);
    let asked = SnapshotOptions { gitignore: true, ..source() };
    assert_eq!(kept(tree, asked).await, [".git/HEAD", ".gitignore", "main.rs", "sub/.git"]);
    let without = SnapshotOptions { leave_out_git: true, ..SnapshotOptions::default() };
    assert_eq!(kept(tree, without).await, [".env", ".gitignore", "main.rs"]);
}
