//! Snapshots from a shell: `snapshot take TREE | restore TARGET | merge TARGET | verify | versions`.
//!
//! Where to: `SNAPSHOT_DIRECTORY`, or `S3_ENDPOINT`, `S3_BUCKET`, `S3_REGION`, `S3_ACCESS_KEY_ID`,
//! `S3_SECRET_ACCESS_KEY`. `SNAPSHOT_PROJECT` is the project's id, `SNAPSHOT_CACHE` a directory, `SNAPSHOT_PREFIX` what
//! keys begin with, `SNAPSHOT_PROFILE` is `full` or `source`.

#![expect(clippy::print_stdout, reason = "a program for a shell")]

use std::env;
use std::path::Path;

use workspace_core::error::{Error, Result};
use workspace_core::port::SyncBackend;
use workspace_core::secret::Secret;
use workspace_s3::{Profile, RestoreMode, RestoreOptions, S3Settings, SnapshotOptions, SnapshotSync, Storage};

fn main() -> std::process::ExitCode {
    let ended = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Error::invalid("runtime", "no runtime").source(error))
        .and_then(|runtime| runtime.block_on(run()));
    match ended {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            println!("{}: {} ({})", error.kind(), error.chain(), error.next_step().unwrap_or_default());
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let storage = storage()?;
    let project = setting("SNAPSHOT_PROJECT")?
        .parse()
        .map_err(|error| Error::invalid("SNAPSHOT_PROJECT", "this is no id").source(error))?;
    let mut sync = SnapshotSync::new(&storage, project);
    if let Ok(cache) = env::var("SNAPSHOT_CACHE") {
        sync = sync.cache(cache);
    }
    match arguments.as_slice() {
        ["take", tree] => {
            let source = env::var("SNAPSHOT_PROFILE").is_ok_and(|profile| profile == "source");
            let profile = if source { Profile::Source } else { Profile::Full };
            let options = SnapshotOptions { profile, ..SnapshotOptions::default() };
            println!("{:#?}", sync.snapshot(Path::new(tree), &options).await?);
        }
        ["restore", target] => restore(&sync, target, RestoreMode::New, None).await?,
        ["restore", target, version] => restore(&sync, target, RestoreMode::New, Some(version)).await?,
        ["merge", target] => restore(&sync, target, RestoreMode::Merge, None).await?,
        ["verify"] => println!("{:#?}", sync.verify(None).await?),
        ["versions"] => {
            for version in sync.versions(1_000).await? {
                println!("{} {} {}", version.version, version.at, version.message);
            }
        }
        _ => return Err(Error::invalid("arguments", "take TREE | restore TARGET | merge TARGET | verify | versions")),
    }
    let traffic = storage.traffic();
    println!("requests {} sent {} received {}", traffic.requests(), traffic.sent(), traffic.received());
    Ok(())
}

async fn restore(sync: &SnapshotSync, target: &str, mode: RestoreMode, version: Option<&str>) -> Result<()> {
    let options = RestoreOptions { mode, version: version.map(str::to_owned), dry_run: false };
    let report = sync.restore(Path::new(target), &options).await?;
    println!("{}: {} files, {} changed", report.version, report.files, report.files_changed);
    Ok(())
}

fn storage() -> Result<Storage> {
    if let Ok(directory) = env::var("SNAPSHOT_DIRECTORY") {
        return Storage::directory(Path::new(&directory));
    }
    Storage::s3(&S3Settings {
        endpoint: setting("S3_ENDPOINT")?,
        bucket: setting("S3_BUCKET")?,
        region: setting("S3_REGION")?,
        access_key_id: setting("S3_ACCESS_KEY_ID")?,
        secret_access_key: Secret::new(setting("S3_SECRET_ACCESS_KEY")?),
        session_token: None,
        prefix: env::var("SNAPSHOT_PREFIX").unwrap_or_default(),
        more_authorities: None,
    })
}

fn setting(name: &str) -> Result<String> {
    env::var(name).map_err(|error| Error::invalid(name, format!("{name} is not set")).source(error))
}
