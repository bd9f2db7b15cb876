//! Reads the files that changed, on a few threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;

use workspace_core::error::{Error, ErrorKind, Result};

use crate::files::{Root, join};
use crate::format::{Extent, Meta};
use crate::parallel::{first_cause, threads};
use crate::stop::Stop;
use crate::walk::{FileNode, Identity, NodeKind, Tree};
use crate::write::file_reader::FileReader;
use crate::write::packer::Packer;

/// Files up to here are one piece; larger ones are cut by content.
pub(super) const SMALL: u64 = 1 << 20;
/// A large file is cut in spans of this length, so that threads share it.
const SPAN: u64 = 64 << 20;
/// One thread takes about so many bytes of files at a time.
const BATCH: u64 = 1 << 20;
/// Files of a batch at most.
const BATCH_FILES: usize = 512;
/// How often names of files are looked for again that vanished while they were read.
const ROUNDS: u32 = 3;

/// Something to read: a file, or a span of a large one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) folder: usize,
    pub(super) node: usize,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// What became of a task.
#[derive(Debug)]
pub(super) enum Read {
    /// The bytes, and what the file was then.
    Taken {
        extents: Vec<Extent>,
        size: u64,
        meta: Meta,
        identity: Identity,
        torn: bool,
    },
    Vanished,
    Unreadable,
}

/// What reading told beyond the contents.
#[derive(Debug, Default)]
pub(super) struct ReadFiles {
    pub(super) count: u64,
    /// Paths of files that may not be read.
    pub(super) unreadable: Vec<Vec<u8>>,
    /// Paths of files that were written to meanwhile.
    pub(super) torn: Vec<Vec<u8>>,
}

/// Reads all files whose pieces are not known, and notes their pieces in the tree.
pub(super) fn read_files(tree: &mut Tree, root: &Root, packer: &Packer<'_>, stop: &Stop) -> Result<ReadFiles> {
    let mut report = ReadFiles::default();
    // One name of a file speaks for all. Again only when that name vanished meanwhile.
    for _ in 0..ROUNDS {
        let tasks = tasks(tree);
        if tasks.is_empty() {
            break;
        }
        let round = read_round(tree, &tasks, root, packer, stop)?;
        report.count += round.count;
        report.unreadable.extend(round.unreadable);
        report.torn.extend(round.torn);
        share_links(tree);
    }
    Ok(report)
}

fn read_round(tree: &mut Tree, tasks: &[Task], root: &Root, packer: &Packer<'_>, stop: &Stop) -> Result<ReadFiles> {
    let batches = batches(tasks);
    let next = AtomicUsize::new(0);
    let threads = threads().min(batches.len());
    let shared = &*tree;
    let results = std::thread::scope(|scope| {
        let worker = || {
            let result = FileReader::new(shared, root, packer, stop).run(tasks, &batches, &next);
            if result.is_err() {
                stop.now();
            }
            result
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(broken()))).collect::<Vec<_>>()
    });
    let mut done = Vec::with_capacity(tasks.len());
    for result in first_cause(results)? {
        done.extend(result);
    }
    done.sort_unstable_by_key(|(task, _)| *task);
    Ok(note(tree, tasks, done))
}

fn broken() -> Error {
    Error::new(ErrorKind::Internal, "a thread that reads files broke")
}

fn tasks(tree: &Tree) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut links = BTreeSet::new();
    for (folder, of) in tree.folders.iter().enumerate() {
        for (node, of) in of.nodes.iter().enumerate() {
            let NodeKind::File(FileNode { size, extents: None, link, .. }) = &of.kind else { continue };
            if *link != 0 && !links.insert(*link) {
                continue;
            }
            let span = if *size > SMALL { SPAN } else { u64::MAX };
            let mut offset = 0;
            loop {
                let length = (size - offset).min(span);
                tasks.push(Task { folder, node, offset, length });
                offset += length;
                if offset >= *size {
                    break;
                }
            }
        }
    }
    tasks
}

/// Gives all names of a file what was read through one of them: they agree even when it was written to meanwhile.
fn share_links(tree: &mut Tree) {
    let mut known: BTreeMap<u64, (FileNode, Meta)> = BTreeMap::new();
    for node in tree.folders.iter().flat_map(|folder| &folder.nodes) {
        if let NodeKind::File(file @ FileNode { link: link @ 1.., extents: Some(_), .. }) = &node.kind {
            known.insert(*link, (file.clone(), node.meta));
        }
    }
    for node in tree.folders.iter_mut().flat_map(|folder| &mut folder.nodes) {
        let NodeKind::File(file) = &mut node.kind else { continue };
        if let Some((same, meta)) = known.get(&file.link) {
            (*file, node.meta) = (same.clone(), *meta);
        }
    }
}

/// Ranges of tasks.
fn batches(tasks: &[Task]) -> Vec<(usize, usize)> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, task) in tasks.iter().enumerate() {
        bytes += task.length;
        if bytes >= BATCH || at + 1 - start >= BATCH_FILES || at + 1 == tasks.len() {
            batches.push((start, at + 1));
            (start, bytes) = (at + 1, 0);
        }
    }
    batches
}

/// Puts what was read into the tree. `done` is in the order of the tasks.
fn note(tree: &mut Tree, tasks: &[Task], done: Vec<(usize, Read)>) -> ReadFiles {
    let mut report = ReadFiles::default();
    for (task, read) in done {
        let Some(task) = tasks.get(task) else { continue };
        let Some(folder) = tree.folders.get_mut(task.folder) else { continue };
        let Some(node) = folder.nodes.get_mut(task.node) else { continue };
        let path = || join(&folder.path, &node.name);
        match read {
            Read::Taken { extents, size, meta, identity, torn } => {
                let NodeKind::File(file) = &mut node.kind else { continue };
                if torn && report.torn.last() != Some(&path()) {
                    report.torn.push(path());
                }
                if task.offset == 0 {
                    report.count += 1;
                    (file.size, file.extents, node.meta) = (size, Some(extents), meta);
                    file.identity = if torn { Identity::default() } else { identity };
                } else if let Some(before) = &mut file.extents {
                    before.extend(extents);
                    if torn {
                        file.identity = Identity::default();
                    }
                }
            }
            Read::Vanished => node.kind = NodeKind::Gone,
            Read::Unreadable => {
                if !matches!(node.kind, NodeKind::Gone) {
                    report.unreadable.push(path());
                }
                node.kind = NodeKind::Gone;
            }
        }
    }
    report
}
