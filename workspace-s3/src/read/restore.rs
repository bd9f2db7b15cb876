//! One restore from beginning to end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};
use workspace_core::error::{Error, ErrorKind, Result};

use crate::files::{Root, file_error, join};
use crate::format::Snapshot;
use crate::objects::Objects;
use crate::options::{RestoreMode, RestoreOptions};
use crate::read::catalog::{Catalog, fetch_snapshot, fetch_tails};
use crate::read::fetch::fetch;
use crate::read::fill::{Fetched, Filling};
use crate::read::listing::Listing;
use crate::read::merge::{Differences, Stage, compare};
use crate::read::plan::{Plan, plan};
use crate::read::target::{Opened, Target};
use crate::report::{Change, ChangeKind, RestoreReport, shown};
use crate::stop::Stop;
use crate::versions::choose;

/// Answers that wait for a thread.
const WAITING: usize = 1;

/// What is known before the first write: everything that can be checked was checked.
#[derive(Debug)]
struct Prepared {
    target: PathBuf,
    catalog: Catalog,
    listing: Listing,
    /// `None` where nothing was.
    differences: Option<Differences>,
    plan: Plan,
}

/// Restores a snapshot.
pub(crate) async fn restore(objects: &Objects, target: &Path, options: &RestoreOptions) -> Result<RestoreReport> {
    let traffic = objects.traffic().clone();
    let (received, requests) = (traffic.received(), traffic.requests());
    let name = choose(objects, options.version.as_deref()).await?;
    let (snapshot, _) = fetch_snapshot(objects, name).await?;
    let tails = fetch_tails(objects, &snapshot.packs).await?;
    let (into, mode) = (target.to_owned(), options.mode);
    let prepared = spawn_blocking(move || prepare(snapshot, tails, into, mode)).await.map_err(broken)??;
    let prepared = Arc::new(prepared);
    if !options.dry_run {
        carry_out(objects, &prepared).await?;
    }
    let mut report = report(&prepared, options.dry_run);
    report.version = name.to_string();
    (report.bytes_received, report.requests) = (traffic.received() - received, traffic.requests() - requests);
    Ok(report)
}

fn broken(error: JoinError) -> Error {
    Error::new(ErrorKind::Internal, "the thread that restores broke").source(error)
}

fn prepare(snapshot: Snapshot, tails: Vec<Option<Bytes>>, target: PathBuf, mode: RestoreMode) -> Result<Prepared> {
    let mut catalog = Catalog::new(snapshot, tails);
    let snapshot = catalog.snapshot.clone();
    let listing = Listing::read(&snapshot, |hash| catalog.tree(hash))?;
    catalog.close_trees();
    let differences = match mode {
        RestoreMode::New => {
            check_empty(&target)?;
            None
        }
        RestoreMode::Merge => {
            let root = Root::open(&target).map_err(|error| file_error(error, b""))?;
            Some(compare(&root, &listing)?)
        }
    };
    let plan = plan(&listing, &catalog, |at| differences.as_ref().is_none_or(|found| found.entries.contains(&at)))?;
    Ok(Prepared { target, catalog, listing, differences, plan })
}

/// Nothing is there, or an empty directory that is no link.
fn check_empty(target: &Path) -> Result<()> {
    let taken = || {
        Error::new(ErrorKind::Conflict, "the target of the restore is not empty")
            .hint("restore into a new copy, or merge into this one")
    };
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unusable(error)),
        Ok(found) if !found.is_dir() => Err(taken()),
        Ok(_) => match fs::read_dir(target).map_err(unusable)?.next() {
            None => Ok(()),
            Some(_) => Err(taken()),
        },
    }
}

fn unusable(error: io::Error) -> Error {
    let kind = if error.kind() == io::ErrorKind::StorageFull { ErrorKind::DiskFull } else { ErrorKind::Conflict };
    Error::new(kind, "the target of the restore cannot be used").hint("look at its path and permissions").source(error)
}

async fn carry_out(objects: &Objects, prepared: &Arc<Prepared>) -> Result<()> {
    let stop = Stop::default();
    let _guard = stop.on_drop();
    let (sender, receiver) = mpsc::channel(WAITING);
    let writing = spawn_blocking({
        let (prepared, stop) = (Arc::clone(prepared), stop.clone());
        move || match &prepared.differences {
            None => into_new(&prepared, receiver, &stop),
            Some(found) => into_stage(&prepared, found, receiver, &stop),
        }
    });
    let fetched = fetch(objects, &prepared.catalog, &prepared.plan, &prepared.listing, sender).await;
    let written = writing.await.map_err(broken)?;
    match (fetched, written) {
        (Err(error), _) => Err(error),
        (Ok(()), written) => written,
    }
}

/// Makes everything in an empty directory; leaves it empty, or away, when something fails.
fn into_new(prepared: &Prepared, fetched: mpsc::Receiver<Fetched>, stop: &Stop) -> Result<()> {
    let made = match fs::create_dir(&prepared.target) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(unusable(error)),
    };
    let root = Root::open(&prepared.target).map_err(|error| file_error(error, b""))?;
    let target = Target { root, listing: &prepared.listing, staged: false };
    let done = make_tree(prepared, &target, fetched, stop);
    if done.is_err() {
        let cleaned = target.root.remove_contents(b"").map_err(io::Error::from);
        let cleaned = if made { cleaned.and_then(|()| fs::remove_dir(&prepared.target)) } else { cleaned };
        if let Err(error) = cleaned {
            tracing::warn!(%error, "what a failed restore made could not be removed");
        }
    }
    done
}

fn make_tree(prepared: &Prepared, target: &Target<'_>, fetched: mpsc::Receiver<Fetched>, stop: &Stop) -> Result<()> {
    let folders = &prepared.listing.folders;
    for folder in folders.iter().skip(1) {
        stop.check()?;
        target.make_directory(&folder.path)?;
    }
    make_files(prepared, target, fetched, stop)?;
    folders.iter().rev().try_for_each(|folder| target.finish_directory(&folder.path, &folder.meta))
}

fn make_files(prepared: &Prepared, target: &Target<'_>, fetched: mpsc::Receiver<Fetched>, stop: &Stop) -> Result<()> {
    let plan = &prepared.plan;
    Filling { plan, catalog: &prepared.catalog, target, stop }.run(fetched)?;
    let mut opened = Opened::default();
    for (at, first) in &plan.links {
        stop.check()?;
        if let Some(first) = plan.files.get(*first) {
            target.link(*at, first.at, &mut opened)?;
        }
    }
    plan.symlinks.iter().try_for_each(|at| target.symlink(*at, &mut opened))
}

/// Makes what differs in a stage, then moves it; the target is as it was when something fails before that.
fn into_stage(prepared: &Prepared, found: &Differences, fetched: mpsc::Receiver<Fetched>, stop: &Stop) -> Result<()> {
    let root = Root::open(&prepared.target).map_err(|error| file_error(error, b""))?;
    let stage = Stage::make(&root)?;
    let made = stage.open().and_then(|root| {
        let target = Target { root, listing: &prepared.listing, staged: true };
        make_files(prepared, &target, fetched, stop)?;
        stage.place(found, &target, &prepared.plan)
    });
    let removed = stage.remove();
    made.and(removed)
}

fn report(prepared: &Prepared, dry_run: bool) -> RestoreReport {
    let changes = match &prepared.differences {
        Some(found) => found.changes.clone(),
        None if dry_run => {
            let paths = prepared.listing.files().map(|(folder, entry)| shown(&join(&folder.path, &entry.name)));
            let mut changes: Vec<_> = paths.map(|path| Change { path, kind: ChangeKind::Created }).collect();
            changes.sort_by(|left, right| left.path.cmp(&right.path));
            changes
        }
        None => Vec::new(),
    };
    let plan = &prepared.plan;
    RestoreReport {
        files: prepared.catalog.snapshot.files,
        bytes: prepared.catalog.snapshot.bytes,
        files_changed: (plan.files.len() + plan.links.len() + plan.symlinks.len()) as u64,
        changes,
        ..RestoreReport::default()
    }
}
