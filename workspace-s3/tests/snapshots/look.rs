//! Everything that a restore must bring back, in a form that can be compared.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// One name.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Look {
    kind: char,
    mode: u32,
    time: (i64, i64),
    /// The bytes of a file, the target of a link.
    content: Vec<u8>,
    /// The other names of the same file.
    same: Vec<String>,
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = blake3::hash(&self.content);
        write!(f, "{} {:o} {:?} {} bytes {hash} {:?}", self.kind, self.mode, self.time, self.content.len(), self.same)
    }
}

/// By path, with odd bytes escaped. The root itself is the empty path.
pub(crate) fn look(root: &Path) -> BTreeMap<String, Look> {
    let mut all = BTreeMap::new();
    let mut inodes: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().escape_ascii().to_string();
        let (kind, content) = if found.is_symlink() {
            ('l', fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
        } else if found.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            ('d', Vec::new())
        } else {
            inodes.entry(found.ino()).or_default().push(name.clone());
            ('f', fs::read(&path).unwrap())
        };
        let mode = if kind == 'l' { 0o777 } else { found.mode() & 0o7777 };
        let time = (found.mtime(), found.mtime_nsec());
        all.insert(name, Look { kind, mode, time, content, same: Vec::new() });
    }
    for mut names in inodes.into_values().filter(|names| names.len() > 1) {
        names.sort();
        for name in &names {
            all.get_mut(name).unwrap().same.clone_from(&names);
        }
    }
    all
}

/// Fails with the names that differ.
pub(crate) fn assert_same(left: &Path, right: &Path) {
    let (left, right) = (look(left), look(right));
    for name in left.keys().chain(right.keys()) {
        assert_eq!(left.get(name), right.get(name), "{name:?}");
    }
}
