//! Reads every byte of a snapshot and compares it with what it was.

use futures::{StreamExt, TryStreamExt, stream};
use tokio::task::spawn_blocking;
use workspace_core::error::{Error, ErrorKind, Result};

use crate::format::{Hash, Kind, PackRef, check_header, decompress};
use crate::objects::Objects;
use crate::read::{Catalog, Listing, fetch_snapshot, fetch_tails, lost_files};
use crate::report::VerifyReport;
use crate::versions::choose;

/// Packs in memory at once.
const PARALLEL: usize = 2;

/// Verifies one version.
pub(crate) async fn verify(objects: &Objects, version: Option<&str>) -> Result<VerifyReport> {
    let name = choose(objects, version).await?;
    let (snapshot, _) = fetch_snapshot(objects, name).await?;
    let tails = fetch_tails(objects, &snapshot.packs).await?;
    let packs = snapshot.packs.clone();
    let checked = spawn_blocking(move || check_tree(Catalog::new(snapshot, tails))).await.map_err(broken)?;
    let (catalog, listing) = checked?;
    let checks = stream::iter(packs.iter().copied().enumerate())
        .map(|(number, pack)| check_pack(objects, &catalog, &listing, number, pack));
    checks.buffer_unordered(PARALLEL).try_collect::<()>().await?;
    let bytes = packs.iter().map(|pack| pack.size).sum();
    Ok(VerifyReport { version: name.to_string(), packs: packs.len() as u64, bytes })
}

fn broken(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Internal, "the thread that verifies broke").source(error)
}

/// The whole tree, and that every file's bytes are in some pack.
fn check_tree(mut catalog: Catalog) -> Result<(Catalog, Listing)> {
    let snapshot = catalog.snapshot.clone();
    let listing = Listing::read(&snapshot, |hash| catalog.tree(hash))?;
    listing.check_pieces(&catalog)?;
    catalog.close_trees();
    Ok((catalog, listing))
}

async fn check_pack(
    objects: &Objects,
    catalog: &Catalog,
    listing: &Listing,
    number: usize,
    pack: PackRef,
) -> Result<()> {
    let lost = |why: &str| lost_files(&listing.files_in(catalog, number), &format!("pack {}: {why}", pack.hash));
    let bytes = objects.get(&objects.pack(&pack.hash)).await?.ok_or_else(|| lost("it is missing"))?;
    let Some(index) = catalog.indexes.get(number).cloned() else { return Err(lost("it has no index")) };
    let checked = spawn_blocking(move || {
        if bytes.len() as u64 != pack.size || Hash::of(&bytes) != pack.hash || check_header(&bytes, Kind::Pack).is_err()
        {
            return Err("its hash is another one");
        }
        for segment in &index.segments {
            let start = usize::try_from(segment.offset).unwrap_or(usize::MAX);
            let frame = bytes.get(start..start + segment.stored as usize).ok_or("it is cut off")?;
            let raw = decompress(frame, segment.raw).map_err(|_| "a segment is damaged")?;
            let mut rest = raw.as_slice();
            for piece in &segment.pieces {
                let (bytes, after) = rest.split_at_checked(piece.length as usize).ok_or("a segment is too short")?;
                if Hash::of(bytes) != piece.hash {
                    return Err("a piece has another hash");
                }
                rest = after;
            }
        }
        Ok(())
    });
    checked.await.map_err(broken)?.map_err(lost)
}
