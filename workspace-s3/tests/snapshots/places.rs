//! Storages to test on. A real one that is missing fails the test.

use std::collections::BTreeMap;
use std::path::Path;

use uuid::Uuid;
use workspace_core::id::ProjectId;
use workspace_core::secret::Secret;
use workspace_s3::{S3Settings, SnapshotSync, Storage};

/// How to start the fleet's S3 server, and the name of the file with its settings.
const SETTINGS: &str = "WORKSPACE_TEST_S3 names no file with the settings of an S3 server: \
    start one with `fleet/up` and give its s3.env, or run `make test`";

pub(crate) fn project() -> ProjectId {
    ProjectId::from_uuid(Uuid::now_v7())
}

/// The bucket of the fleet, with a prefix of its own.
pub(crate) fn s3_settings() -> S3Settings {
    let file = std::env::var("WORKSPACE_TEST_S3").expect(SETTINGS);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}. {SETTINGS}"));
    let settings: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |name: &str| (*settings.get(name).unwrap_or_else(|| panic!("{file} has no {name}"))).to_owned();
    S3Settings {
        endpoint: get("S3_ENDPOINT"),
        bucket: get("S3_BUCKET"),
        region: get("S3_REGION"),
        access_key_id: get("S3_ACCESS_KEY_ID"),
        secret_access_key: Secret::new(get("S3_SECRET_ACCESS_KEY")),
        session_token: None,
        prefix: format!("test/{}", Uuid::now_v7()),
        more_authorities: None,
    }
}

pub(crate) fn s3() -> Storage {
    Storage::s3(&s3_settings()).expect("a storage")
}

pub(crate) fn directory(path: &Path) -> Storage {
    Storage::directory(path).expect("a storage")
}

/// The objects of a project in a directory storage: key below the project to path, `packs/..` and `snapshots/..`.
pub(crate) fn objects(storage: &Path, project: ProjectId) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for kind in ["packs", "snapshots"] {
        let folder = storage.join(project.to_string()).join(kind);
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        all.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    all.sort();
    all
}

pub(crate) fn sync(storage: &Storage) -> SnapshotSync {
    SnapshotSync::new(storage, project())
}
