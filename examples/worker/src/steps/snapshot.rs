//! Steps on object storage.

use std::path::Path;

use serde_json::{Value, json};
use workspace_fleet::error::{Error, ErrorKind, Result};
use workspace_fleet::job::SnapshotPlace;
use workspace_fleet::model::SnapshotProfile;
use workspace_fleet::s3::{
    Change, ChangeKind, Profile, RestoreMode, RestoreOptions, SkipReason, Skipped, SnapshotOptions, SnapshotSync,
};
use workspace_fleet::secret::Secret;

use super::storage::open;

/// How many paths of a list are in a report, and how long they may be together: it has to fit into a line.
const PATHS: (usize, usize) = (100, 6 << 10);

/// Snapshots of at most so many bytes are read back whole.
const READ_BACK: u64 = 16 << 20;

/// What to make a snapshot of, and how.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) place: &'a SnapshotPlace,
    pub(super) profile: SnapshotProfile,
    pub(super) message: &'a str,
    pub(super) cache: Option<&'a Path>,
}

/// Writes a snapshot of the tree and looks at what was written.
pub(super) async fn snapshot(tree: &Path, storage: &Secret, wanted: Wanted<'_>) -> Result<Value> {
    let mut sync = SnapshotSync::new(&open(storage)?, wanted.place.project);
    if let Some(folder) = wanted.cache {
        sync = sync.cache(folder);
    }
    let options = SnapshotOptions {
        id: Some(wanted.place.id),
        data_generation: wanted.place.data_generation,
        profile: match wanted.profile {
            SnapshotProfile::Full => Profile::Full,
            SnapshotProfile::Source => Profile::Source,
        },
        message: wanted.message.to_owned(),
        ..SnapshotOptions::default()
    };
    let done = sync.snapshot(tree, &options).await?;
    // Every byte where that is cheap; else that each file of the tree has its place in a pack that is there.
    let whole = done.bytes <= READ_BACK;
    if whole {
        sync.verify(Some(&done.version)).await?;
    } else {
        look(&sync, &done.version).await?;
    }
    let unreadable = done.skipped.iter().filter(|skipped| skipped.reason == SkipReason::Unreadable).count();
    let (skipped, more) = bounded(&done.skipped, |skipped| &skipped.path, skipped);
    Ok(json!({
        "version": done.version, "files": done.files, "bytes": done.bytes, "bytes_uploaded": done.bytes_sent,
        "requests": done.requests, "files_changed": done.files_changed, "left_out": done.left_out,
        "skipped": skipped, "skipped_more": more, "unreadable": unreadable, "verified": if whole { "content" } else { "structure" },
    }))
}

/// Reads the snapshot and its folders without what is in the files.
async fn look(sync: &SnapshotSync, version: &str) -> Result<()> {
    let nowhere = tempfile::tempdir().map_err(|error| {
        Error::new(ErrorKind::DiskFull, "there is no temporary folder to look at the snapshot from")
            .hint("give the temporary folder of the server some room")
            .source(error)
    })?;
    let options = RestoreOptions { version: Some(version.to_owned()), mode: RestoreMode::New, dry_run: true };
    sync.restore(nowhere.path(), &options).await.map(|_| ())
}

/// Writes a snapshot into the tree, or tells what that would change.
pub(super) async fn restore(
    tree: &Path,
    storage: &Secret,
    place: &SnapshotPlace,
    merge: bool,
    dry_run: bool,
) -> Result<Value> {
    let sync = SnapshotSync::new(&open(storage)?, place.project);
    // What would change is told against what is there.
    let mode = if merge || dry_run { RestoreMode::Merge } else { RestoreMode::New };
    let done = sync.restore(tree, &RestoreOptions { version: Some(place.version()), mode, dry_run }).await?;
    let mut report = json!({
        "version": done.version, "files": done.files, "bytes": done.bytes, "files_changed": done.files_changed,
        "bytes_received": done.bytes_received, "requests": done.requests,
    });
    if dry_run {
        let (changes, left) = bounded(&done.changes, |change| &change.path, change);
        report["changes"] = changes;
        report["changes_more"] = json!(left);
    }
    Ok(report)
}

/// Reads every byte of a snapshot and checks it.
pub(super) async fn verify(storage: &Secret, place: &SnapshotPlace) -> Result<Value> {
    let sync = SnapshotSync::new(&open(storage)?, place.project);
    let done = sync.verify(Some(&place.version())).await?;
    Ok(json!({ "version": done.version, "packs": done.packs, "bytes": done.bytes }))
}

/// Removes a snapshot; its packs stay, others may need them.
pub(super) async fn delete(storage: &Secret, place: &SnapshotPlace) -> Result<Value> {
    let (sync, version) = (SnapshotSync::new(&open(storage)?, place.project), place.version());
    sync.delete(&version).await?;
    Ok(json!({ "version": version }))
}

/// The first items as JSON, and how many were left out.
fn bounded<T>(items: &[T], path: impl Fn(&T) -> &str, told: impl Fn(&T) -> Value) -> (Value, usize) {
    let mut room = PATHS.1;
    let fits = |item: &&T| {
        // Escaped, a byte takes up to six.
        let left = room.checked_sub(path(item).escape_default().count() + 40);
        room = left.unwrap_or(0);
        left.is_some()
    };
    let taken: Vec<Value> = items.iter().take(PATHS.0).take_while(fits).map(told).collect();
    let more = items.len() - taken.len();
    (Value::Array(taken), more)
}

fn skipped(skipped: &Skipped) -> Value {
    let reason = match skipped.reason {
        SkipReason::SpecialFile => "special_file",
        SkipReason::Unreadable => "unreadable",
        SkipReason::ChangedWhileRead => "changed_while_read",
        _ => "other",
    };
    json!({ "path": skipped.path, "reason": reason })
}

fn change(change: &Change) -> Value {
    let kind = match change.kind {
        ChangeKind::Created => "created",
        ChangeKind::Replaced => "replaced",
    };
    json!({ "path": change.path, "kind": kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_fit_into_a_line() {
        let change_of = |path: String| Change { path, kind: ChangeKind::Created };
        let many: Vec<_> = (0..1_000).map(|n| change_of(format!("file-{n}"))).collect();
        let (told, more) = bounded(&many, |change| &change.path, change);
        assert_eq!((told.as_array().unwrap().len(), more), (100, 900));
        let long: Vec<_> = (0..100).map(|_| change_of("\u{1}".repeat(400))).collect();
        let (told, more) = bounded(&long, |change| &change.path, change);
        assert!(told.to_string().len() < 8 << 10 && more > 0 && more < 100, "{more}");
    }
}
