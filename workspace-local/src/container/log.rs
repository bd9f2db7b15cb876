//! What a container wrote: in two files, so that the older half goes when there is too much.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::watch;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::{LogChunk, LogOptions, LogStream, OutputStream};

/// Stream and length before each piece.
const HEAD: usize = 5;

/// The log of one container.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    files: Mutex<Files>,
    /// How much was ever written; wakes those who follow.
    written: watch::Sender<u64>,
}

#[derive(Debug)]
struct Files {
    /// Where the file put aside begins, counted from the first byte ever.
    oldest: u64,
    /// Where the current file begins.
    current: u64,
    /// Where the next piece goes.
    end: u64,
    file: Option<File>,
    /// The size at which a file is put aside, in bytes; the one put aside before is forgotten.
    cap: u64,
}

impl Log {
    /// Opens the log in a container's folder; the last `cap` bytes of it are kept, and at most twice as many.
    pub(super) fn open(folder: &Path, cap: u64) -> Self {
        let size = |name: &str| fs::metadata(folder.join(name)).map_or(0, |data| data.len());
        let (aside, current) = (size("log.old"), size("log"));
        let end = aside + current;
        let files = Files { oldest: 0, current: aside, end, file: None, cap };
        Self { folder: folder.to_owned(), files: Mutex::new(files), written: watch::channel(end).0 }
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a piece. A disk that takes no more loses log, not the container.
    pub(super) fn append(&self, stream: OutputStream, bytes: &[u8]) {
        let mut files = self.files();
        match self.try_append(&mut files, stream, bytes) {
            Ok(()) => drop(self.written.send_replace(files.end)),
            Err(error) => tracing::debug!(%error, "a container's log was not written"),
        }
    }

    fn try_append(&self, files: &mut Files, stream: OutputStream, bytes: &[u8]) -> io::Result<()> {
        if files.end - files.current >= files.cap {
            fs::rename(self.folder.join("log"), self.folder.join("log.old"))?;
            files.file = None;
            files.oldest = files.current;
            files.current = files.end;
        }
        if files.file.is_none() {
            files.file = Some(File::options().append(true).create(true).open(self.folder.join("log"))?);
        }
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut piece = Vec::with_capacity(HEAD + bytes.len());
        piece.push(u8::from(stream == OutputStream::Stderr));
        piece.extend_from_slice(&length.to_be_bytes());
        piece.extend_from_slice(bytes);
        if let Some(file) = &mut files.file {
            file.write_all(&piece)?;
        }
        files.end += piece.len() as u64;
        Ok(())
    }

    /// The pieces from a place on that are still there, and the place after them.
    fn from(&self, place: u64) -> Result<(Vec<LogChunk>, u64)> {
        let files = self.files();
        let mut pieces = Vec::new();
        for (name, begin, end) in [("log.old", files.oldest, files.current), ("log", files.current, files.end)] {
            if place < end {
                let skip = place.saturating_sub(begin);
                read_pieces(&self.folder.join(name), skip, &mut pieces).map_err(|error| {
                    Error::new(ErrorKind::Internal, "the container's log cannot be read").source(error)
                })?;
            }
        }
        Ok((pieces, files.end))
    }

    /// The log as a stream; with `follow` until the container does not run.
    pub(super) fn read(self: &Arc<Self>, options: LogOptions, running: watch::Receiver<bool>) -> LogStream {
        let follower = Follower {
            log: Arc::clone(self),
            written: self.written.subscribe(),
            running,
            place: 0,
            tail: options.tail,
            follow: options.follow,
        };
        let batches = stream::unfold(Some(follower), |follower| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok(None) => None,
                Ok(Some(pieces)) => Some((Ok(pieces), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        });
        let pieces = |batch: Result<Vec<LogChunk>>| match batch {
            Ok(pieces) => stream::iter(pieces.into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(error)]),
        };
        batches.flat_map(pieces).boxed()
    }
}

struct Follower {
    log: Arc<Log>,
    written: watch::Receiver<u64>,
    running: watch::Receiver<bool>,
    place: u64,
    /// How many lines of what is there already; taken by the first look.
    tail: Option<u32>,
    follow: bool,
}

impl Follower {
    /// What was written since the last look; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<LogChunk>>> {
        loop {
            self.written.mark_unchanged();
            // Looked at before the log: what an ended container wrote is all there.
            let goes_on = self.follow && *self.running.borrow_and_update();
            let first = self.place == 0;
            let (mut pieces, place) = self.log.from(self.place)?;
            self.place = place;
            if let Some(lines) = self.tail.take().filter(|_| first) {
                keep_last(&mut pieces, lines);
            }
            if !pieces.is_empty() {
                return Ok(Some(pieces));
            }
            if !goes_on {
                return Ok(None);
            }
            tokio::select! {
                _ = self.written.changed() => {}
                _ = self.running.changed() => {}
            }
        }
    }
}

fn read_pieces(path: &Path, skip: u64, pieces: &mut Vec<LogChunk>) -> io::Result<()> {
    let mut file = File::open(path)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(skip))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut bytes = Bytes::from(bytes);
    // Half a piece at the end was cut off by the end of the process that wrote it.
    while bytes.len() >= HEAD {
        let head = bytes.split_to(HEAD);
        let stream = if head[0] == 0 { OutputStream::Stdout } else { OutputStream::Stderr };
        let length = head[1..].iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        pieces.push(LogChunk { stream, bytes: bytes.split_to(length.min(bytes.len())) });
    }
    Ok(())
}

/// Leaves the last lines only; what follows the last line break is a line as well.
fn keep_last(pieces: &mut Vec<LogChunk>, lines: u32) {
    let open = pieces.iter().rev().find_map(|piece| piece.bytes.last()).is_some_and(|last| *last != b'\n');
    // The break before the first line that is kept is one more than the lines, unless the last line is open.
    let wanted = u64::from(lines) + u64::from(!open);
    let mut breaks = 0;
    for index in (0..pieces.len()).rev() {
        let Some(piece) = pieces.get_mut(index) else { return };
        for at in (0..piece.bytes.len()).rev() {
            if piece.bytes.get(at) == Some(&b'\n') {
                breaks += 1;
                if breaks == wanted {
                    piece.bytes = piece.bytes.slice(at + 1..);
                    pieces.drain(..index);
                    pieces.retain(|piece| !piece.bytes.is_empty());
                    return;
                }
            }
        }
    }
    if lines == 0 {
        pieces.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pieces: &[LogChunk]) -> String {
        pieces.iter().map(|piece| String::from_utf8_lossy(&piece.bytes).into_owned()).collect()
    }

    #[test]
    fn the_last_lines_across_pieces() {
        let piece = |text: &'static str| LogChunk { stream: OutputStream::Stdout, bytes: Bytes::from(text) };
        let last = |texts: &[&'static str], lines| {
            let mut pieces: Vec<_> = texts.iter().map(|text| piece(text)).collect();
            keep_last(&mut pieces, lines);
            text(&pieces)
        };
        assert_eq!(last(&["a\nb\n", "c\n"], 2), "b\nc\n");
        assert_eq!(last(&["a\nb", "b\nc"], 2), "bb\nc");
        assert_eq!(last(&["a\n"], 5), "a\n");
        assert_eq!(last(&["a\nb"], 0), "");
        assert_eq!(last(&["a\nb\n"], 0), "");
        assert_eq!(last(&["a"], 0), "");
    }

    #[test]
    fn the_log_is_bounded_and_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), 1_000);
        for number in 0..500 {
            log.append(OutputStream::Stdout, format!("line {number:05}\n").as_bytes());
        }
        let (pieces, place) = log.from(0).unwrap();
        let kept = text(&pieces);
        assert!(kept.len() < 2_100 && kept.len() > 600, "{}", kept.len());
        assert!(kept.ends_with("line 00499\n"));
        log.append(OutputStream::Stderr, b"more");
        let (pieces, _) = log.from(place).unwrap();
        assert_eq!(pieces, [LogChunk { stream: OutputStream::Stderr, bytes: Bytes::from("more") }]);
        let again = Log::open(folder.path(), 1_000);
        assert_eq!(text(&again.from(0).unwrap().0), kept + "more");
    }
}
