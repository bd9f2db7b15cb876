//! Puts segments into packs, and packs into storage while the next one fills.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use object_store::PutPayload;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use workspace_core::error::{Error, ErrorKind, Result};

use crate::format::{
    FOOTER_BYTES, Footer, HEADER_BYTES, Hash, HashMap, HashSet, Kind, PACK_BYTES, PackIndex, PackRef, PieceRef,
    SegmentIndex, SegmentKind, compress, header,
};
use crate::objects::Objects;
use crate::read::Place;

/// Packs on their way while the next one fills: bounds memory.
const IN_FLIGHT: usize = 1;

/// A finished pack.
pub(super) type Sealed = (PackRef, PackIndex);

/// Takes segments from several threads.
#[derive(Debug)]
pub(super) struct Packer<'a> {
    objects: &'a Objects,
    runtime: Handle,
    /// What storage has.
    stored: Option<&'a HashMap<Place>>,
    /// Packs are not made.
    dry_run: bool,
    /// What this snapshot adds.
    claimed: Mutex<HashSet>,
    open: Mutex<OpenPack>,
    uploads: Mutex<Vec<JoinHandle<Result<()>>>>,
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct OpenPack {
    data: Vec<(SegmentIndex, Vec<u8>)>,
    trees: Vec<(SegmentIndex, Vec<u8>)>,
    bytes: usize,
    sealed: Vec<Sealed>,
}

impl<'a> Packer<'a> {
    pub(super) fn new(
        objects: &'a Objects,
        runtime: Handle,
        stored: Option<&'a HashMap<Place>>,
        dry_run: bool,
    ) -> Self {
        Self {
            objects,
            runtime,
            stored,
            dry_run,
            claimed: Mutex::default(),
            open: Mutex::default(),
            uploads: Mutex::default(),
            room: Arc::new(Semaphore::new(IN_FLIGHT)),
        }
    }

    /// Whether the caller must store the piece: nobody has it yet.
    pub(super) fn claim(&self, hash: &Hash) -> bool {
        !self.stored.is_some_and(|stored| stored.contains_key(hash)) && lock(&self.claimed).insert(*hash)
    }

    /// Adds a segment; waits while too many packs are on their way.
    pub(super) fn add(&self, kind: SegmentKind, raw: &[u8], pieces: Vec<PieceRef>) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        let frame = compress(raw)
            .map_err(|error| Error::new(ErrorKind::Internal, "a segment could not be compressed").source(error))?;
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let segment = SegmentIndex { kind, offset: 0, stored: length(&frame), raw: length(raw), pieces };
        let mut open = lock(&self.open);
        open.bytes += frame.len();
        match kind {
            SegmentKind::Data => open.data.push((segment, frame)),
            SegmentKind::Tree => open.trees.push((segment, frame)),
        }
        if open.bytes >= PACK_BYTES { self.seal(&mut open) } else { Ok(()) }
    }

    /// Sends the last pack, waits for all of them, and tells what they are.
    pub(super) fn finish(&self) -> Result<Vec<Sealed>> {
        let mut open = lock(&self.open);
        if open.bytes > 0 {
            self.seal(&mut open)?;
        }
        for upload in lock(&self.uploads).drain(..) {
            self.runtime
                .block_on(upload)
                .map_err(|error| Error::new(ErrorKind::Cancelled, "sending a pack was cancelled").source(error))??;
        }
        Ok(std::mem::take(&mut open.sealed))
    }

    /// Called with the pack locked: other threads wait with it, and no third pack begins meanwhile.
    fn seal(&self, open: &mut OpenPack) -> Result<()> {
        self.check_uploads()?;
        let closed = |_| Error::new(ErrorKind::Internal, "the line to the storage is closed");
        let room = self.runtime.block_on(Arc::clone(&self.room).acquire_owned()).map_err(closed)?;
        let (data, trees) = (std::mem::take(&mut open.data), std::mem::take(&mut open.trees));
        open.bytes = 0;
        let (pack, index, payload) = build(data, trees);
        open.sealed.push((pack, index));
        let objects = self.objects.clone();
        let upload = self.runtime.spawn(async move {
            let sent = objects.put(&objects.pack(&pack.hash), payload).await;
            drop(room);
            sent
        });
        lock(&self.uploads).push(upload);
        Ok(())
    }

    /// Fails early when an upload did.
    fn check_uploads(&self) -> Result<()> {
        let mut uploads = lock(&self.uploads);
        while let Some(at) = uploads.iter().position(JoinHandle::is_finished) {
            let ended = self.runtime.block_on(uploads.swap_remove(at));
            ended.map_err(|error| Error::new(ErrorKind::Cancelled, "sending a pack was cancelled").source(error))??;
        }
        Ok(())
    }
}

impl Drop for Packer<'_> {
    /// Packs of a snapshot that failed need not arrive.
    fn drop(&mut self) {
        for upload in lock(&self.uploads).drain(..) {
            upload.abort();
        }
    }
}

fn build(data: Vec<(SegmentIndex, Vec<u8>)>, trees: Vec<(SegmentIndex, Vec<u8>)>) -> (PackRef, PackIndex, PutPayload) {
    let mut chunks = vec![Bytes::copy_from_slice(&header(Kind::Pack))];
    let mut index = PackIndex::default();
    let mut offset = HEADER_BYTES as u64;
    let mut tail = None;
    for (mut segment, frame) in data.into_iter().chain(trees) {
        if segment.kind == SegmentKind::Tree {
            tail.get_or_insert(offset);
        }
        segment.offset = offset;
        offset += frame.len() as u64;
        chunks.push(frame.into());
        index.segments.push(segment);
    }
    let tail = tail.unwrap_or(offset);
    let bytes = index.write();
    let footer = Footer { tail, index: offset, index_length: bytes.len() as u64, index_hash: Hash::of(&bytes) }.write();
    let size = offset + bytes.len() as u64 + FOOTER_BYTES as u64;
    chunks.extend([bytes.into(), Bytes::copy_from_slice(&footer)]);
    let mut hasher = blake3::Hasher::new();
    for chunk in &chunks {
        hasher.update(chunk);
    }
    let hash = Hash(*hasher.finalize().as_bytes());
    (PackRef { hash, size, tail }, index, chunks.into_iter().collect())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
