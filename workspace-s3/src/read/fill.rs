//! Threads that open segments, check pieces and write files.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;
use workspace_core::error::{Error, ErrorKind, Result};

use crate::format::{Hash, SegmentIndex};
use crate::parallel::{first_cause, threads};
use crate::read::catalog::{Catalog, lost_files};
use crate::read::plan::{Fetch, Plan, SegmentUse, Shape, paths_of};
use crate::read::target::{Opened, Target};
use crate::stop::Stop;

/// A request's answer: its number in the plan, and the bytes.
pub(super) type Fetched = (usize, Bytes);

/// Makes the files of a plan from what is fetched.
#[derive(Debug)]
pub(super) struct Filling<'a> {
    pub(super) plan: &'a Plan,
    pub(super) catalog: &'a Catalog,
    pub(super) target: &'a Target<'a>,
    pub(super) stop: &'a Stop,
}

impl Filling<'_> {
    /// Takes answers until there are no more.
    pub(super) fn run(&self, fetched: mpsc::Receiver<Fetched>) -> Result<()> {
        let pieced = || self.plan.files.iter().filter(|file| file.shape == Shape::Pieces);
        let mut opened = Opened::default();
        for file in pieced() {
            self.stop.check()?;
            self.target.create_sparse(file.at, &mut opened)?;
        }
        let fetched = Mutex::new(fetched);
        let done = AtomicUsize::new(0);
        let results = std::thread::scope(|scope| {
            let worker = || {
                let result = self.work(&fetched, &done);
                if result.is_err() {
                    self.stop.now();
                    // Nobody takes more: who fetches must not wait for room.
                    fetched.lock().unwrap_or_else(PoisonError::into_inner).close();
                }
                result
            };
            let running: Vec<_> = (0..threads()).map(|_| scope.spawn(worker)).collect();
            let broken = || Error::new(ErrorKind::Internal, "a thread that writes files broke");
            running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(broken()))).collect()
        });
        first_cause(results)?;
        if done.into_inner() < self.plan.fetches.len() {
            // Fetching failed; its own error says why.
            return Err(Error::new(ErrorKind::Cancelled, "not all bytes came"));
        }
        for file in pieced() {
            self.target.finish_pieces(file.at, &mut opened)?;
        }
        Ok(())
    }

    fn work(&self, fetched: &Mutex<mpsc::Receiver<Fetched>>, done: &AtomicUsize) -> Result<()> {
        let mut opened = Opened::default();
        let mut segments = zstd::bulk::Decompressor::new()
            .map_err(|error| Error::new(ErrorKind::Internal, "segments cannot be opened").source(error))?;
        let mut raw = Vec::new();
        let next = || fetched.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        while let Some((number, bytes)) = next() {
            let Some(fetch) = self.plan.fetches.get(number) else { continue };
            for taken in &fetch.segments {
                self.stop.check()?;
                self.open(fetch, taken, &bytes, &mut segments, &mut raw)?;
                self.write(fetch, taken, &raw, &mut opened)?;
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn open(
        &self,
        fetch: &Fetch,
        taken: &SegmentUse,
        bytes: &Bytes,
        segments: &mut zstd::bulk::Decompressor<'_>,
        raw: &mut Vec<u8>,
    ) -> Result<()> {
        let index = self.catalog.indexes.get(fetch.pack).and_then(|index| index.segments.get(taken.segment));
        let Some((index, frame)) = index.and_then(|index| Some((index, frame(index, fetch, bytes)?))) else {
            return Err(self.lost(fetch, taken, "it is cut off"));
        };
        raw.clear();
        raw.reserve_exact(index.raw as usize);
        match segments.decompress_to_buffer(frame, raw) {
            Ok(length) if length == index.raw as usize => Ok(()),
            Ok(_) => Err(self.lost(fetch, taken, "a segment has another length")),
            Err(error) => Err(self.lost(fetch, taken, "a segment is damaged").source(error)),
        }
    }

    fn write(&self, fetch: &Fetch, taken: &SegmentUse, raw: &[u8], opened: &mut Opened) -> Result<()> {
        for piece in &taken.uses {
            let (start, length) = (piece.offset as usize, piece.length as usize);
            let bytes = raw.get(start..start + length).filter(|bytes| Hash::of(bytes) == piece.hash);
            let bytes = bytes.ok_or_else(|| self.lost(fetch, taken, "bytes are not what they were"))?;
            let Some(file) = self.plan.files.get(piece.file) else { continue };
            match file.shape {
                Shape::Whole => self.target.write_whole(file.at, bytes, opened)?,
                Shape::Pieces => self.target.write_piece(file.at, piece.at, bytes, opened)?,
            }
        }
        Ok(())
    }

    fn lost(&self, fetch: &Fetch, taken: &SegmentUse, why: &str) -> Error {
        let pack = self.catalog.snapshot.packs.get(fetch.pack).map(|pack| pack.hash.to_string()).unwrap_or_default();
        let paths = paths_of(self.plan, self.target.listing, std::slice::from_ref(taken));
        lost_files(&paths, &format!("pack {pack}: {why}"))
    }
}

fn frame<'b>(index: &SegmentIndex, fetch: &Fetch, bytes: &'b Bytes) -> Option<&'b [u8]> {
    let start = usize::try_from(index.offset.checked_sub(fetch.start)?).ok()?;
    bytes.get(start..start.checked_add(index.stored as usize)?)
}
