//! Reads files: small ones whole, large ones in pieces cut by content, holes as holes.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use fastcdc::v2020::FastCDC;
use rustix::fs::{FileType, Mode, OFlags, SeekFrom, fstat, seek};
use rustix::io::{Errno, pread};
use workspace_core::error::{Error, Result};

use crate::files::{Root, file_error, join};
use crate::format::{Extent, SegmentKind};
use crate::stop::Stop;
use crate::walk::{FileNode, NodeKind, Tree, identity, meta};
use crate::write::contents::{Read, SMALL, Task};
use crate::write::packer::Packer;
use crate::write::segment::OpenSegment;

/// The least, usual and most bytes of a piece of a large file.
const CUT: (usize, usize, usize) = (256 << 10, 1 << 20, 2 << 20);
/// How much of a span is in memory.
const WINDOW: usize = 2 * CUT.2;
/// How often a small file is read again when it changes meanwhile.
const ATTEMPTS: u32 = 3;

/// Reads files one after another, and fills segments with them.
pub(super) struct FileReader<'a> {
    tree: &'a Tree,
    root: &'a Root,
    packer: &'a Packer<'a>,
    stop: &'a Stop,
    segment: OpenSegment,
    window: Vec<u8>,
}

impl<'a> FileReader<'a> {
    pub(super) fn new(tree: &'a Tree, root: &'a Root, packer: &'a Packer<'a>, stop: &'a Stop) -> Self {
        Self { tree, root, packer, stop, segment: OpenSegment::new(SegmentKind::Data), window: Vec::new() }
    }

    /// Takes batches until there are none left; answers with what became of each task.
    pub(super) fn run(
        mut self,
        tasks: &[Task],
        batches: &[(usize, usize)],
        next: &AtomicUsize,
    ) -> Result<Vec<(usize, Read)>> {
        let mut done = Vec::new();
        while let Some(&(start, end)) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            for at in start..end {
                self.stop.check()?;
                let Some(task) = tasks.get(at) else { continue };
                done.push((at, self.read(*task)?));
            }
        }
        self.segment.close(self.packer)?;
        Ok(done)
    }

    fn read(&mut self, task: Task) -> Result<Read> {
        let found = self.tree.folders.get(task.folder).and_then(|of| Some((of, of.nodes.get(task.node)?)));
        let Some((folder, node)) = found else { return Ok(Read::Vanished) };
        let NodeKind::File(file) = &node.kind else { return Ok(Read::Vanished) };
        let path = join(&folder.path, &node.name);
        let result = if file.size > SMALL || file.sparse {
            self.read_span(&path, task, file)
        } else {
            self.read_small(&path, file)
        };
        match result {
            Ok(read) => Ok(read),
            Err(Failure::File(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO)) => Ok(Read::Vanished),
            Err(Failure::File(Errno::ACCESS | Errno::PERM)) => Ok(Read::Unreadable),
            Err(Failure::File(error)) => Err(file_error(error, &path)),
            Err(Failure::Packer(error)) => Err(error),
        }
    }

    fn read_small(&mut self, path: &[u8], file: &FileNode) -> Result<Read, Failure> {
        let fd = open(self.root, path)?;
        let (mut before, mut expected) = (file.identity, file.size);
        let mut attempt = 1;
        loop {
            // A byte more than expected, to notice a file that grew.
            fill(&fd, 0, usize::try_from(expected.min(SMALL)).unwrap_or(0) + 1, &mut self.segment.raw)?;
            let stat = fstat(&fd)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                self.segment.take_back();
                return Ok(Read::Vanished);
            }
            let length = self.segment.pending().len() as u64;
            let (after, size) = (identity(&stat), u64::try_from(stat.st_size).unwrap_or_default());
            let torn = after != before || size != length;
            if torn && attempt < ATTEMPTS {
                self.segment.take_back();
                (before, expected, attempt) = (after, size, attempt + 1);
                continue;
            }
            let hash = if length == 0 { None } else { Some(self.segment.keep(self.packer)?) };
            let extents = hash.map(|hash| Extent { length, hash: Some(hash) }).into_iter().collect();
            return Ok(Read::Taken { extents, size: length, meta: meta(&stat), identity: after, torn });
        }
    }

    fn read_span(&mut self, path: &[u8], task: Task, file: &FileNode) -> Result<Read, Failure> {
        let fd = open(self.root, path)?;
        let end = task.offset + task.length;
        let mut extents = Vec::new();
        let mut at = task.offset;
        while at < end {
            let (start, stop) = if file.sparse { next_data(&fd, at, end)? } else { (at, end) };
            if start > at {
                extents.push(Extent { length: start - at, hash: None });
            }
            at = self.cut(&fd, start, stop, &mut extents)?;
            if at < stop {
                // It ends here now. What is missing becomes a hole, and the file is named in the report.
                extents.push(Extent { length: end - at, hash: None });
                at = end;
            }
        }
        let stat = fstat(&fd)?;
        let torn = identity(&stat) != file.identity;
        Ok(Read::Taken { extents, size: file.size, meta: meta(&stat), identity: identity(&stat), torn })
    }

    /// Cuts a run of bytes into pieces; answers with where the file turned out to end.
    fn cut(&mut self, fd: &impl AsFd, start: u64, end: u64, extents: &mut Vec<Extent>) -> Result<u64, Failure> {
        let mut window = std::mem::take(&mut self.window);
        window.clear();
        let (mut at, mut filled) = (start, start);
        while at < end {
            self.stop.check().map_err(Failure::Packer)?;
            let wanted = usize::try_from(end - filled).unwrap_or(usize::MAX).min(WINDOW - window.len());
            let read = fill(fd, filled, wanted, &mut window)?;
            filled += read as u64;
            let last = read < wanted || filled == end;
            let mut taken = 0;
            for chunk in FastCDC::new(&window, CUT.0, CUT.1, CUT.2) {
                if !last && taken > 0 && window.len() - chunk.offset < CUT.2 {
                    break;
                }
                let bytes = window.get(chunk.offset..chunk.offset + chunk.length).unwrap_or_default();
                self.segment.raw.extend_from_slice(bytes);
                extents.push(Extent { length: bytes.len() as u64, hash: Some(self.segment.keep(self.packer)?) });
                taken = chunk.offset + chunk.length;
            }
            at += taken as u64;
            window.drain(..taken);
            if last {
                break;
            }
        }
        self.window = window;
        Ok(at)
    }
}

enum Failure {
    File(Errno),
    Packer(Error),
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::File(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Packer(error)
    }
}

fn open(root: &Root, path: &[u8]) -> Result<OwnedFd, Errno> {
    // Not blocking: something else may have taken the name of a file, such as a FIFO that nobody writes to.
    root.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY, Mode::empty())
}

/// Appends up to `length` bytes from an offset on; fewer only where the file ends.
fn fill(fd: &impl AsFd, offset: u64, length: usize, bytes: &mut Vec<u8>) -> Result<usize, Errno> {
    let start = bytes.len();
    bytes.resize(start + length, 0);
    let mut filled = 0;
    while filled < length {
        let rest = bytes.get_mut(start + filled..).unwrap_or_default();
        match pread(fd, rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(Errno::INTR) => {}
            Err(error) => {
                bytes.truncate(start);
                return Err(error);
            }
        }
    }
    bytes.truncate(start + filled);
    Ok(filled)
}

/// The next run of data from `at` on, within `end`. Without one it is empty and lies at `end`.
fn next_data(fd: &impl AsFd, at: u64, end: u64) -> Result<(u64, u64), Errno> {
    match seek(fd, SeekFrom::Data(at)) {
        Ok(start) if start < end => match seek(fd, SeekFrom::Hole(start)) {
            Ok(stop) => Ok((start, stop.min(end))),
            Err(_) => Ok((start, end)),
        },
        Ok(_) | Err(Errno::NXIO) => Ok((end, end)),
        // A file system that knows no holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok((at, end)),
        Err(error) => Err(error),
    }
}
