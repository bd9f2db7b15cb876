//! Puts segments into packs, and packs into storage while the next one fills.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use workspace_core::error::{Error, ErrorKind, Result};

use crate::format::{
    Footer, Hash, HashMap, HashSet, Kind, PACK_BYTES, PackIndex, PackRef, PieceRef, SEGMENT_BYTES, SegmentIndex,
    SegmentKind, compress, header,
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
    /// Memory of packs that were sent.
    spare: Arc<Mutex<Vec<BytesMut>>>,
}

/// The pack that is being filled.
#[derive(Debug, Default)]
struct OpenPack {
    /// All of it so far; empty before its first segment.
    bytes: Vec<u8>,
    index: PackIndex,
    /// Where its trees begin.
    tail: Option<u64>,
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
            spare: Arc::default(),
        }
    }

    /// Whether the caller must store the piece: nobody has it yet.
    pub(super) fn claim(&self, hash: &Hash) -> bool {
        !self.stored.is_some_and(|stored| stored.contains_key(hash)) && lock(&self.claimed).insert(*hash)
    }

    /// Adds a segment; waits while too many packs are on their way.
    pub(super) fn add(&self, kind: SegmentKind, raw: &[u8], frame: &mut Vec<u8>, pieces: Vec<PieceRef>) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        compress(raw, frame)
            .map_err(|error| Error::new(ErrorKind::Internal, "a segment could not be compressed").source(error))?;
        let mut open = lock(&self.open);
        if kind == SegmentKind::Data && open.tail.is_some() {
            self.seal(&mut open)?;
        }
        if open.bytes.is_empty() {
            open.bytes = self.room_for_pack();
            open.bytes.extend_from_slice(&header(Kind::Pack));
        }
        let offset = open.bytes.len() as u64;
        if kind == SegmentKind::Tree {
            open.tail.get_or_insert(offset);
        }
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        open.index.segments.push(SegmentIndex { kind, offset, stored: length(frame), raw: length(raw), pieces });
        open.bytes.extend_from_slice(frame);
        if open.bytes.len() >= PACK_BYTES { self.seal(&mut open) } else { Ok(()) }
    }

    /// The memory of a pack that was sent, or new: packs come and go, and would leave gaps of all sizes.
    fn room_for_pack(&self) -> Vec<u8> {
        let spare = lock(&self.spare).pop().unwrap_or_default();
        let mut bytes = Vec::from(spare);
        bytes.clear();
        bytes.reserve_exact(PACK_BYTES + 2 * SEGMENT_BYTES);
        bytes
    }

    /// Sends the last pack, waits for all of them, and tells what they are.
    pub(super) fn finish(&self) -> Result<Vec<Sealed>> {
        let mut open = lock(&self.open);
        if !open.bytes.is_empty() {
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
        let (pack, index, bytes) = open.close();
        open.sealed.push((pack, index));
        let (objects, spare) = (self.objects.clone(), Arc::clone(&self.spare));
        let upload = self.runtime.spawn(async move {
            let sent = objects.put(&objects.pack(&pack.hash), bytes.clone().into()).await;
            if let Ok(bytes) = bytes.try_into_mut() {
                lock(&spare).push(bytes);
            }
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

impl OpenPack {
    /// Ends the pack with its index and footer; a new one can begin.
    fn close(&mut self) -> (PackRef, PackIndex, Bytes) {
        let (mut bytes, index) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.index));
        let end = bytes.len() as u64;
        let tail = self.tail.take().unwrap_or(end);
        let written = index.write();
        let index_hash = Hash::of(&written);
        bytes.extend_from_slice(&written);
        bytes.extend_from_slice(&Footer { tail, index: end, index_length: written.len() as u64, index_hash }.write());
        (PackRef { hash: Hash::of(&bytes), size: bytes.len() as u64, tail }, index, bytes.into())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
