//! Paths as clients say them.

use std::fmt;

use workspace_core::error::{Error, Result};

/// A path below a root: without `..`, not absolute. Empty for the root itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelativePath(Vec<String>);

impl RelativePath {
    /// Reads a client's path; empty parts and `.` are left out.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refused = |message: &str| {
            Err(Error::invalid("path", message).hint("give a path relative to the workspace's folder, without `..`"))
        };
        if text.starts_with('/') {
            return refused("the path is absolute");
        }
        if text.contains('\0') {
            return refused("the path has a NUL byte");
        }
        let parts: Vec<String> = text.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect();
        if parts.iter().any(|part| part == "..") {
            return refused("the path leaves the workspace");
        }
        if text.len() > 4_000 || parts.iter().any(|part| part.len() > 255) {
            return refused("the path is too long");
        }
        Ok(Self(parts))
    }

    /// Its parts.
    pub(super) fn parts(&self) -> &[String] {
        &self.0
    }

    /// The folder that it is in, and its name there; `None` for the root.
    pub(super) fn split(&self) -> Option<(Self, &str)> {
        let (name, folder) = self.0.split_last()?;
        Some((Self(folder.to_vec()), name))
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use workspace_core::error::ErrorKind;

    use super::*;

    #[test]
    fn what_leads_out_is_refused() {
        for text in ["..", "a/../b", "a/..", "/etc/passwd", "a\0b", &"x".repeat(256), &"a/".repeat(3_000)] {
            assert_eq!(RelativePath::parse(text).unwrap_err().kind(), ErrorKind::Invalid, "{text:?}");
        }
        assert_eq!(RelativePath::parse("./a//b/.").unwrap().to_string(), "a/b");
        assert_eq!(RelativePath::parse("..a/b..").unwrap().to_string(), "..a/b..");
        assert_eq!(RelativePath::parse("").unwrap().split(), None);
    }
}
