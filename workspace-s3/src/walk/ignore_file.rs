//! One file in the syntax of `.gitignore`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The rules of one file; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct IgnoreFile(Arc<Gitignore>);

impl IgnoreFile {
    /// Reads rules that stand in `folder`. Lines that make no sense are as if they were not there.
    pub(super) fn parse(folder: &[u8], text: &[u8]) -> Option<Self> {
        let mut builder = GitignoreBuilder::new(Path::new("/").join(OsStr::from_bytes(folder)));
        for line in String::from_utf8_lossy(text).lines() {
            if let Err(error) = builder.add_line(None, line) {
                tracing::debug!(%error, "a line of an ignore file makes no sense");
            }
        }
        builder.build().ok().map(|rules| Self(Arc::new(rules)))
    }

    /// Leave out, take in, or nothing said.
    pub(super) fn verdict(&self, path: &[u8], is_folder: bool) -> Option<bool> {
        let path = Path::new("/").join(OsStr::from_bytes(path));
        match self.0.matched(path, is_folder) {
            Match::None => None,
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_of_their_folder() {
        let rules = IgnoreFile::parse(b"a", b"/x\n*.log\n!keep.log\ny/\n").unwrap();
        assert_eq!(rules.verdict(b"a/x", false), Some(true));
        assert_eq!(rules.verdict(b"a/b/x", false), None);
        assert_eq!(rules.verdict(b"a/b/c.log", false), Some(true));
        assert_eq!(rules.verdict(b"a/b/keep.log", false), Some(false));
        assert_eq!(rules.verdict(b"a/y", false), None);
        assert_eq!(rules.verdict(b"a/\xff/y", true), Some(true));
    }
}
