//! The archive of the worker image.

use std::fmt;
use std::io::{Cursor, Read};
use std::path::Path;

use bytes::Bytes;
use serde::Deserialize;
use workspace_core::error::{Error, Result};

/// The worker program as an image archive, as `docker save` and `fleet/worker-image` write it.
///
/// Its only image is named `fleet-worker:<hash>`; the hash names its content and the volume `fleet-worker-<hash>`.
/// Cheap to clone.
#[derive(Clone)]
pub struct WorkerImage {
    hash: String,
    archive: Bytes,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "RepoTags", default)]
    tags: Vec<String>,
}

impl WorkerImage {
    const REPOSITORY: &'static str = "fleet-worker:";

    /// Reads an archive from a file of this machine; blocks while it reads.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let archive = std::fs::read(path).map_err(|error| {
            bad(format!("the worker image {} cannot be read", path.display()))
                .hint("build it with fleet/worker-image")
                .source(error)
        })?;
        Self::from_archive(archive)
    }

    /// Takes an archive that is in memory.
    pub fn from_archive(archive: impl Into<Bytes>) -> Result<Self> {
        let archive = archive.into();
        let manifests: Vec<Manifest> = serde_json::from_slice(&manifest(&archive)?)
            .map_err(|error| bad("the worker image's manifest.json makes no sense").source(error))?;
        let tag =
            manifests.iter().flat_map(|manifest| &manifest.tags).find_map(|tag| tag.strip_prefix(Self::REPOSITORY));
        let hash = tag.ok_or_else(|| bad("the worker image is not named fleet-worker:<hash>"))?.to_owned();
        if hash.is_empty() || !hash.chars().all(|letter| letter.is_ascii_alphanumeric()) {
            return Err(bad(format!("{hash:?} is no hash of a worker image")));
        }
        Ok(Self { hash, archive })
    }

    /// What names its content.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The image's name on a server.
    pub fn name(&self) -> String {
        format!("{}{}", Self::REPOSITORY, self.hash)
    }

    /// The name of the volume that carries the program.
    pub fn volume(&self) -> String {
        format!("fleet-worker-{}", self.hash)
    }

    /// The archive itself.
    pub(crate) fn archive(&self) -> Bytes {
        self.archive.clone()
    }
}

impl fmt::Debug for WorkerImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerImage({}, {} bytes)", self.hash, self.archive.len())
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::invalid("worker_image", message)
}

fn manifest(archive: &[u8]) -> Result<Vec<u8>> {
    let unreadable = |error| bad("the worker image is no tar archive").source(error);
    let mut archive = tar::Archive::new(Cursor::new(archive));
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        if entry.path_bytes().as_ref() == b"manifest.json" {
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(unreadable)?;
            return Ok(text);
        }
    }
    Err(bad("the worker image has no manifest.json").hint("use an archive as docker save writes it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(name: &str, text: &str) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn the_name_is_found_in_the_archive() {
        let image = WorkerImage::from_archive(archive("manifest.json", r#"[{"RepoTags":["fleet-worker:ab12"]}]"#));
        let image = image.unwrap();
        assert_eq!((image.name().as_str(), image.volume().as_str()), ("fleet-worker:ab12", "fleet-worker-ab12"));
    }

    #[test]
    fn other_archives_are_refused() {
        for (name, text) in [
            ("manifest.json", r#"[{"RepoTags":["other:ab12"]}]"#),
            ("manifest.json", r#"[{"RepoTags":["fleet-worker:../x"]}]"#),
            ("manifest.json", "nonsense"),
            ("other.json", "[]"),
        ] {
            assert_eq!(WorkerImage::from_archive(archive(name, text)).unwrap_err().field(), Some("worker_image"));
        }
        assert!(WorkerImage::from_archive(&b"no archive at all"[..]).is_err());
    }
}
