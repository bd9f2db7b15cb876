//! Files of a running workspace, below `/workspace`.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::id::WorkspaceId;
use crate::model::Scope;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::{FileContent, FileEntry, MAX_FILE_BYTES};

impl Orchestrator {
    /// Reads a file.
    pub async fn read_file(&self, caller: &Caller, id: WorkspaceId, path: &str) -> Result<FileContent> {
        let row = self.core.workspace_of(caller, Scope::Exec, id).await?;
        let path = inside(path, false)?;
        self.core.channel_in_use(&row).await?.read_file(path).await
    }

    /// Writes a file, making missing folders; readers see the old content or the new.
    pub async fn write_file(&self, caller: &Caller, id: WorkspaceId, path: &str, bytes: Bytes) -> Result<FileEntry> {
        let row = self.core.workspace_of(caller, Scope::Exec, id).await?;
        let path = inside(path, false)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
            return Err(Error::invalid("body", "the file is larger than 64 MiB").hint("send it as an archive"));
        }
        self.core.channel_in_use(&row).await?.write_file(path, bytes, None).await
    }

    /// What is below a folder, at most 32 levels deep; the empty path is `/workspace`.
    pub async fn list_files(&self, caller: &Caller, id: WorkspaceId, path: &str, depth: u32) -> Result<Vec<FileEntry>> {
        let row = self.core.workspace_of(caller, Scope::Exec, id).await?;
        let path = inside(path, true)?;
        if !(1..=32).contains(&depth) {
            return Err(Error::invalid("depth", "the depth must be between 1 and 32"));
        }
        self.core.channel_in_use(&row).await?.list_files(path, depth).await
    }

    /// Deletes a file, a link, or a folder with everything in it.
    pub async fn delete_file(&self, caller: &Caller, id: WorkspaceId, path: &str) -> Result<()> {
        let row = self.core.workspace_of(caller, Scope::Exec, id).await?;
        let path = inside(path, false)?;
        self.core.channel_in_use(&row).await?.delete_file(path).await
    }
}

/// The path without slashes at its ends, if it stays inside.
fn inside(path: &str, may_be_root: bool) -> Result<&str> {
    let inner = path.trim_matches('/');
    if inner.is_empty() && may_be_root {
        return Ok(inner);
    }
    let wrong = if inner.is_empty() {
        "the path is empty"
    } else if inner.split('/').any(|part| part == "..") {
        "the path must not contain `..`"
    } else if inner.split('/').any(|part| part.is_empty() || part == ".") {
        "the path has an empty part or a `.`"
    } else if inner.contains('\0') || inner.len() > 4_000 {
        "the path has a NUL character or is too long"
    } else {
        return Ok(inner);
    };
    Err(Error::invalid("path", wrong).hint("give a path below /workspace, such as src/main.rs"))
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside("/src/main.rs", false).unwrap(), "src/main.rs");
        assert_eq!(inside("/", true).unwrap(), "");
        for bad in ["", "/", "..", "a/../b", "a//b", "./a", "a\0b", "../../etc/passwd"] {
            assert_eq!(inside(bad, false).unwrap_err().field(), Some("path"), "{bad:?}");
        }
    }
}
