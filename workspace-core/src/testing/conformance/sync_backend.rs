//! The suite of [`SyncBackend`]: what a tree and its remote owe each other.
#![expect(
    clippy::missing_panics_doc,
    reason = "a rule that does not hold ends the test that runs it, and each says so in its first sentence"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::port::{SyncBackend, SyncRequest};

/// Runs every rule with a remote that is empty and an empty folder of this machine, which nobody else may use.
pub async fn run_all(backend: &dyn SyncBackend, folder: &Path) {
    let tree = new_folder(folder, "tree");
    // A remote that is empty may have something to say of itself (git does), or nothing to pull.
    let _ = backend.pull(&tree, &SyncRequest::default()).await;
    assert_eq!(works("versions", backend.versions(10).await), [], "an empty remote has no version");
    let first = a_push_publishes_once(backend, &tree).await;
    let second = versions_are_listed_newest_first(backend, &tree, &first).await;
    a_pull_brings_the_version_that_is_asked_for(backend, folder, [&first, &second]).await;
    a_missing_version_leaves_nothing(backend, folder).await;
}

fn works<T>(what: &str, result: Result<T>) -> T {
    result.unwrap_or_else(|error| unreachable!("{what} works: {} ({})", error.chain(), error.kind()))
}

fn new_folder(folder: &Path, name: &str) -> PathBuf {
    let made = folder.join(name);
    assert!(fs::create_dir(&made).is_ok(), "{} can be made", made.display());
    made
}

fn write(tree: &Path, file: &str, text: &str) {
    let file = tree.join(file);
    let written =
        file.parent().map(fs::create_dir_all).and_then(|made| made.and_then(|()| fs::write(&file, text)).ok());
    assert!(written.is_some(), "{} can be written", file.display());
}

/// The files of a tree with their contents; what begins with a dot is the backend's own.
fn files(tree: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(tree).unwrap_or(&path).to_string_lossy().into_owned();
                found.insert(name, fs::read_to_string(&path).unwrap_or_default());
            }
        }
    }
    found
}

/// A push publishes what differs; of an unchanged tree it makes no second version. Answers the version.
async fn a_push_publishes_once(backend: &dyn SyncBackend, tree: &Path) -> String {
    write(tree, "a", "one");
    write(tree, "folder/b", "two");
    assert_eq!(works("status", backend.status(tree).await), 2, "both files are new");
    let said = SyncRequest { message: Some("first".into()), version: None };
    let pushed = works("push", backend.push(tree, &said).await);
    assert_eq!(pushed.files_changed, 2, "both files were new");
    assert!(pushed.bytes > 0, "bytes are counted");
    assert_eq!(works("status", backend.status(tree).await), 0, "nothing is left to push");
    let again = works("push again", backend.push(tree, &said).await);
    assert_eq!((again.version, again.files_changed), (pushed.version.clone(), 0), "nothing was changed");
    assert_eq!(works("versions", backend.versions(10).await).len(), 1, "there is no second version");
    pushed.version
}

/// Versions come newest first, with what was said of them, and no more than asked for. Answers the newest.
async fn versions_are_listed_newest_first(backend: &dyn SyncBackend, tree: &Path, first: &str) -> String {
    write(tree, "a", "changed");
    write(tree, "c", "three");
    assert!(fs::remove_file(tree.join("folder/b")).is_ok(), "a file can be removed");
    let said = SyncRequest { message: Some("second".into()), version: None };
    let second = works("push", backend.push(tree, &said).await).version;
    let versions = works("versions", backend.versions(10).await);
    let seen: Vec<_> = versions.iter().map(|found| (found.version.as_str(), found.message.as_str())).collect();
    assert_eq!(seen, [(second.as_str(), "second"), (first, "first")], "newest first");
    assert_eq!(works("versions", backend.versions(1).await), versions[..1], "no more than asked for");
    second
}

/// A pull into an empty folder makes it the newest version, or the one that is asked for.
async fn a_pull_brings_the_version_that_is_asked_for(backend: &dyn SyncBackend, folder: &Path, versions: [&str; 2]) {
    let [first, second] = versions;
    let old = [("a", "one"), ("folder/b", "two")];
    let new = [("a", "changed"), ("c", "three")];
    for (name, asked, version, expected) in
        [("newest", None, second, new), ("second", Some(second), second, new), ("first", Some(first), first, old)]
    {
        let tree = new_folder(folder, name);
        let request = SyncRequest { version: asked.map(str::to_owned), message: None };
        let pulled = works("pull", backend.pull(&tree, &request).await);
        assert_eq!((pulled.version.as_str(), pulled.files_changed), (version, 2), "{name}");
        let expected = expected.map(|(file, text)| (file.to_owned(), text.to_owned()));
        assert_eq!(files(&tree), BTreeMap::from(expected), "{name}");
    }
}

/// A version that is not there is refused, and no file is written.
async fn a_missing_version_leaves_nothing(backend: &dyn SyncBackend, folder: &Path) {
    let tree = new_folder(folder, "missing");
    let request = SyncRequest { version: Some("0123456789012345678901234567890123456789".into()), message: None };
    assert!(backend.pull(&tree, &request).await.is_err(), "there is no such version");
    assert_eq!(files(&tree), BTreeMap::new(), "nothing is written");
}
