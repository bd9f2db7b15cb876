//! One snapshot from beginning to end.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::{NoContext, Uuid};
use workspace_core::clock::Clock;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::id::{ProjectId, SnapshotId};

use crate::cache::Cache;
use crate::files::{Root, file_error};
use crate::format::{Content, PackIndex, PackRef, Snapshot, SnapshotName, read_part};
use crate::objects::Objects;
use crate::options::SnapshotOptions;
use crate::read::{Catalog, fetch_snapshot, fetch_tails};
use crate::report::{SkipReason, Skipped, SnapshotReport, shown};
use crate::stop::Stop;
use crate::walk::{Scan, Tree, meta, scan};
use crate::write::base::Base;
use crate::write::contents::{ReadFiles, read_files};
use crate::write::packer::{Packer, Sealed};
use crate::write::reuse::reuse;
use crate::write::trees::{Planting, Trees};

/// What a snapshot is made of.
#[derive(Clone, Debug)]
pub(crate) struct Making {
    pub(crate) objects: Objects,
    pub(crate) project: ProjectId,
    pub(crate) tree: PathBuf,
    pub(crate) options: SnapshotOptions,
    pub(crate) cache: Option<Cache>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Reads and compares, and sends nothing.
    pub(crate) dry_run: bool,
}

/// What the threads made.
struct Built {
    tree: Tree,
    trees: Trees,
    read: ReadFiles,
    root: crate::format::Meta,
    packs: Vec<PackRef>,
    indexes: Vec<PackIndex>,
    base: Option<Base>,
}

/// Makes a snapshot of a tree.
pub(crate) async fn make(making: Making) -> Result<SnapshotReport> {
    let traffic = making.objects.traffic().clone();
    let (sent, requests) = (traffic.sent(), traffic.requests());
    let stop = Stop::default();
    let _guard = stop.on_drop();
    let young = making.clock.now().as_micros();
    let scanning = spawn_blocking({
        let (making, stop) = (making.clone(), stop.clone());
        move || walk(&making, &stop)
    });
    let base = find_base(&making).await?;
    let (root, tree) = scanning.await.map_err(broken)??;
    let built = spawn_blocking({
        let (making, stop, runtime) = (making.clone(), stop.clone(), Handle::current());
        move || build(&making, &root, tree, base, young, runtime, &stop)
    });
    let built = built.await.map_err(broken)??;
    let mut report = report(&built);
    publish(&making, built, &mut report).await?;
    (report.bytes_sent, report.requests) = (traffic.sent() - sent, traffic.requests() - requests);
    Ok(report)
}

fn broken(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Internal, "the thread that makes a snapshot broke").source(error)
}

fn walk(making: &Making, stop: &Stop) -> Result<(Root, Tree)> {
    let root = Root::open(&making.tree).map_err(|error| file_error(error, b""))?;
    let tree = scan(&Scan { root: &root, options: &making.options, stop })?;
    Ok((root, tree))
}

/// What the cache says when storage still has it, or else the newest snapshot there.
async fn find_base(making: &Making) -> Result<Option<Base>> {
    let objects = &making.objects;
    if let Some(cache) = making.cache.clone() {
        let place = objects.place.clone();
        let cached = spawn_blocking(move || cache.load(&place)).await.map_err(broken)?;
        if let Some((base, bytes)) = cached.filter(|(base, _)| base.snapshot.project == making.project) {
            let stored = objects.get(&objects.snapshot(base.snapshot.name)).await?;
            if stored.is_some_and(|stored| stored == bytes) {
                return Ok(Some(base));
            }
        }
    }
    let Some(newest) = objects.snapshots().await?.first().copied() else { return Ok(None) };
    match load_base(objects, newest).await {
        Ok(base) => Ok(Some(base)),
        Err(error) if matches!(error.kind(), ErrorKind::SnapshotDamaged | ErrorKind::NotFound) => {
            tracing::warn!(error = error.chain(), "the newest snapshot is damaged, the next one builds on nothing");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn load_base(objects: &Objects, name: SnapshotName) -> Result<Base> {
    let (snapshot, _) = fetch_snapshot(objects, name).await?;
    let tails = fetch_tails(objects, &snapshot.packs).await?;
    spawn_blocking(move || Base::from_catalog(Catalog::new(snapshot, tails))).await.map_err(broken)?
}

fn build(
    making: &Making,
    root: &Root,
    mut tree: Tree,
    base: Option<Base>,
    young: i64,
    runtime: Handle,
    stop: &Stop,
) -> Result<Built> {
    let packer = Packer::new(&making.objects, runtime, base.as_ref().map(|base| &base.pieces), making.dry_run);
    let base_parts = match &base {
        Some(base) => reuse(&mut tree, base),
        None => vec![None; tree.folders.len()],
    };
    let read = read_files(&mut tree, root, &packer, stop)?;
    let planting = Planting { packer: &packer, base: base.as_ref(), base_parts, young };
    let trees = planting.plant(&tree)?;
    let sealed = packer.finish()?;
    drop(planting);
    drop(packer);
    let meta = root.directory(b"").and_then(rustix::fs::fstat).map_err(|error| file_error(error, b""))?;
    let (packs, indexes) = packs(&trees, base.as_ref(), sealed);
    Ok(Built { root: self::meta(&meta), tree, trees, read, packs, indexes, base })
}

/// The packs of the base that hold a piece of the new snapshot, and those that were added.
fn packs(trees: &Trees, base: Option<&Base>, sealed: Vec<Sealed>) -> (Vec<PackRef>, Vec<PackIndex>) {
    let (mut packs, mut indexes) = (Vec::new(), Vec::new());
    if let Some(base) = base {
        let mut used = vec![false; base.indexes.len()];
        let mut mark = |hash: &crate::format::Hash| {
            let place = base.pieces.get(hash).and_then(|place| used.get_mut(place.pack as usize));
            if let Some(used) = place {
                *used = true;
            }
        };
        for (hash, part) in &trees.parts {
            mark(hash);
            for entry in read_part(part).unwrap_or_default() {
                if let Content::File { extents, .. } = &entry.content {
                    extents.iter().filter_map(|extent| extent.hash.as_ref()).for_each(&mut mark);
                }
            }
        }
        let kept = base.snapshot.packs.iter().zip(&base.indexes).zip(used).filter(|(_, used)| *used);
        for ((pack, index), _) in kept {
            packs.push(*pack);
            indexes.push(index.clone());
        }
    }
    for (pack, index) in sealed {
        packs.push(pack);
        indexes.push(index);
    }
    (packs, indexes)
}

fn report(built: &Built) -> SnapshotReport {
    let skip = |reason: SkipReason| move |path: &Vec<u8>| Skipped { path: shown(path), reason };
    let mut skipped = built.tree.skipped.clone();
    skipped.extend(built.read.unreadable.iter().map(skip(SkipReason::Unreadable)));
    skipped.extend(built.read.torn.iter().map(skip(SkipReason::ChangedWhileRead)));
    skipped.sort_unstable();
    SnapshotReport {
        files: built.trees.files,
        bytes: built.trees.bytes,
        files_changed: built.trees.changed,
        files_read: built.read.count,
        left_out: built.tree.left_out,
        skipped,
        ..SnapshotReport::default()
    }
}

/// Writes the snapshot object, last of all, and remembers it.
async fn publish(making: &Making, built: Built, report: &mut SnapshotReport) -> Result<()> {
    let objects = &making.objects;
    if let Some(version) = unchanged(making, &built).await? {
        report.version = version.to_string();
    }
    if making.dry_run {
        return Ok(());
    }
    let snapshot = if report.version.is_empty() {
        let snapshot = describe(making, &built);
        report.version = snapshot.name.to_string();
        report.new = true;
        let bytes = snapshot.write();
        objects.put(&objects.snapshot(snapshot.name), Bytes::from(bytes).into()).await?;
        snapshot
    } else {
        // The identities are newer, though: the next one reads less.
        let Some(base) = &built.base else { return Ok(()) };
        Snapshot { packs: built.packs.clone(), ..base.snapshot.clone() }
    };
    let Some(cache) = making.cache.clone() else { return Ok(()) };
    let (place, same) = (objects.place.clone(), built.base.as_ref().map(|base| base.snapshot.clone()));
    let saved = spawn_blocking(move || {
        let whole = same.is_none_or(|same| same.name != snapshot.name || same.packs == snapshot.packs);
        if whole {
            cache.save(&place, &snapshot, &built.indexes, &built.trees.parts, &built.trees.identities)
        } else {
            Ok(())
        }
    });
    if let Err(error) = saved.await.map_err(broken)? {
        tracing::warn!(%error, "the snapshot is made, but its cache could not be written: the next one takes longer");
    }
    Ok(())
}

/// The newest snapshot's name when it says what the tree is.
async fn unchanged(making: &Making, built: &Built) -> Result<Option<SnapshotName>> {
    let Some(base) = built.base.as_ref().map(|base| &base.snapshot) else { return Ok(None) };
    let options = &making.options;
    let same = (base.root, &base.parts) == (built.root, &built.trees.root)
        && (base.name.generation, base.profile) == (options.data_generation, options.profile);
    if !same || options.id.is_some_and(|id| id != base.name.id) {
        return Ok(None);
    }
    // Another one may have come since, and be the newest.
    Ok(making.objects.snapshots().await?.first().copied().filter(|newest| *newest == base.name))
}

fn describe(making: &Making, built: &Built) -> Snapshot {
    let now = making.clock.now();
    let id = making.options.id.unwrap_or_else(|| {
        let micros = now.as_micros().rem_euclid(1_000_000);
        let nanos = u32::try_from(micros).unwrap_or_default() * 1_000;
        let time = uuid::Timestamp::from_unix(NoContext, now.as_unix_millis() / 1_000, nanos);
        SnapshotId::from_uuid(Uuid::new_v7(time))
    });
    Snapshot {
        project: making.project,
        name: SnapshotName { generation: making.options.data_generation, id },
        created_at: now.as_micros(),
        profile: making.options.profile,
        message: making.options.message.clone(),
        root: built.root,
        parts: built.trees.root.clone(),
        files: built.trees.files,
        bytes: built.trees.bytes,
        packs: built.packs.clone(),
    }
}
