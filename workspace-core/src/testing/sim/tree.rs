//! The files of a volume, in memory.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::port::{FileContent, FileEntry, FileKind, MAX_FILE_BYTES};

/// Files and folders by their path below the root.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree(BTreeMap<String, Node>);

#[derive(Clone, Debug)]
struct Node {
    /// `None` for a folder.
    bytes: Option<Bytes>,
    mode: u32,
    modified_at: Timestamp,
}

impl Tree {
    /// How many bytes the files hold.
    pub(super) fn bytes(&self) -> u64 {
        self.0.values().filter_map(|node| node.bytes.as_ref()).map(|bytes| bytes.len() as u64).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn read(&self, path: &str) -> Result<FileContent> {
        let path = normal(path)?;
        let node = self.0.get(&path).ok_or_else(|| missing(&path))?;
        let bytes = node.bytes.clone().ok_or_else(|| Error::invalid("path", format!("{path} is a folder")))?;
        Ok(FileContent { entry: node.entry(&path), bytes })
    }

    pub(super) fn write(&mut self, path: &str, bytes: Bytes, mode: Option<u32>, at: Timestamp) -> Result<FileEntry> {
        let path = normal(path)?;
        if path.is_empty() || self.0.get(&path).is_some_and(|node| node.bytes.is_none()) {
            return Err(Error::invalid("path", format!("{path:?} is a folder")));
        }
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(Error::invalid("content", "the file is larger than 64 MiB"));
        }
        let parents: Vec<_> = path.match_indices('/').map(|(end, _)| &path[..end]).collect();
        if let Some(file) = parents.iter().find(|parent| self.0.get(**parent).is_some_and(|node| node.bytes.is_some()))
        {
            return Err(Error::invalid("path", format!("{file} is a file")));
        }
        for parent in parents {
            let folder = Node { bytes: None, mode: 0o755, modified_at: at };
            self.0.entry(parent.to_owned()).or_insert(folder);
        }
        let old = self.0.get(&path).map(|node| node.mode);
        let node = Node { bytes: Some(bytes), mode: mode.or(old).unwrap_or(0o644), modified_at: at };
        let entry = node.entry(&path);
        self.0.insert(path, node);
        Ok(entry)
    }

    pub(super) fn list(&self, path: &str, depth: u32) -> Result<Vec<FileEntry>> {
        let path = normal(path)?;
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        match self.0.get(&path) {
            Some(node) if node.bytes.is_some() => return Err(Error::invalid("path", format!("{path} is a file"))),
            None if !path.is_empty() => return Err(missing(&path)),
            _ => {}
        }
        let below = self.0.iter().filter_map(|(name, node)| Some((name.strip_prefix(&prefix)?, name, node)));
        let near = below.filter(|(rest, ..)| rest.split('/').count() <= depth as usize);
        Ok(near.map(|(_, name, node)| node.entry(name)).collect())
    }

    pub(super) fn delete(&mut self, path: &str) -> Result<()> {
        let path = normal(path)?;
        if path.is_empty() {
            return Err(Error::invalid("path", "the folder itself cannot be deleted"));
        }
        self.0.remove(&path).ok_or_else(|| missing(&path))?;
        let prefix = format!("{path}/");
        self.0.retain(|name, _| !name.starts_with(&prefix));
        Ok(())
    }
}

impl Node {
    fn entry(&self, path: &str) -> FileEntry {
        FileEntry {
            path: path.to_owned(),
            kind: if self.bytes.is_some() { FileKind::File } else { FileKind::Directory },
            size: self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            mode: self.mode,
            modified_at: self.modified_at,
        }
    }
}

/// The path without needless parts.
fn normal(path: &str) -> Result<String> {
    if path.starts_with('/') || path.split('/').any(|part| part == "..") || path.contains('\0') {
        return Err(Error::invalid("path", "the path must be relative and without `..`"));
    }
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    Ok(parts.join("/"))
}

fn missing(path: &str) -> Error {
    Error::new(ErrorKind::FileNotFound, format!("no such file or folder: {path}"))
}
