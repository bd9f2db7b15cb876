//! Working on files for a client.

use std::fs::File;
use std::io::Read as _;

use bytes::Bytes;
use tokio::task::spawn_blocking;
use workspace_core::channel::{CHUNK, FrameKind, Request};
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::{FileEntry, MAX_FILE_BYTES};

use crate::channel::request::{Input, Replies};
use crate::channel::serve::Setting;
use crate::files::{RelativePath, Root, file_error};

/// Carries out a request for files.
pub(super) async fn run(setting: &Setting, request: Request, input: Input, replies: &Replies) -> Result<()> {
    let _turn = setting.files.acquire().await;
    let root = setting.root.clone();
    match request {
        Request::Read { path } => read(root, &path, replies).await,
        Request::Write { path, size, mode } => {
            let entry = write(root, &path, size, mode, input).await?;
            replies.json(FrameKind::End, &entry).await
        }
        Request::List { path, depth } => {
            let path = RelativePath::parse(&path)?;
            let json = blocking(move || {
                let found = root.list(&path, depth)?;
                serde_json::to_vec(&found)
                    .map_err(|error| Error::new(ErrorKind::Internal, "the list cannot be written").source(error))
            });
            let mut json = Bytes::from(json.await?);
            while !json.is_empty() {
                replies.data(FrameKind::Data, json.split_to(json.len().min(CHUNK))).await;
            }
            replies.json(FrameKind::End, &serde_json::json!({})).await
        }
        Request::Delete { path } => {
            let path = RelativePath::parse(&path)?;
            blocking(move || root.delete(&path)).await?;
            replies.json(FrameKind::End, &serde_json::json!({})).await
        }
        Request::Exec(_) | Request::Check { .. } => Err(Error::new(ErrorKind::Internal, "this is no work on files")),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|lost| Err(Error::new(ErrorKind::Internal, "the work on a file did not end").source(lost)))
}

async fn read(root: Root, path: &str, replies: &Replies) -> Result<()> {
    let path = RelativePath::parse(path)?;
    let shown = path.to_string();
    let (mut file, entry) = blocking(move || root.open_file(&path)).await?;
    replies.json(FrameKind::Answer, &entry).await?;
    // No more than was announced: a file that grows all the time ends as well.
    let mut left = entry.size;
    while left > 0 {
        let shown = shown.clone();
        let (back, bytes) = blocking(move || piece(file, left, &shown)).await?;
        file = back;
        if bytes.is_empty() {
            break;
        }
        left = left.saturating_sub(bytes.len() as u64);
        replies.data(FrameKind::Data, bytes).await;
    }
    replies.json(FrameKind::End, &serde_json::json!({})).await
}

fn piece(mut file: File, left: u64, shown: &str) -> Result<(File, Bytes)> {
    let mut bytes = Vec::with_capacity(CHUNK.min(usize::try_from(left).unwrap_or(CHUNK)));
    (&mut file).take(left.min(CHUNK as u64)).read_to_end(&mut bytes).map_err(|error| file_error(error, shown))?;
    Ok((file, bytes.into()))
}

async fn write(root: Root, path: &str, size: u64, mode: Option<u32>, mut input: Input) -> Result<FileEntry> {
    let path = RelativePath::parse(path)?;
    if size > MAX_FILE_BYTES {
        return Err(Error::invalid("content", "the file is larger than 64 MiB"));
    }
    let mut upload = blocking(move || root.upload(&path, mode)).await?;
    let mut left = size;
    while let Some(bytes) = input.next().await {
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| Error::invalid("content", "more came than was announced"))?;
        upload = blocking(move || upload.write(&bytes).map(|()| upload)).await?;
    }
    if left > 0 {
        return Err(Error::invalid("content", "less came than was announced"));
    }
    blocking(move || upload.finish()).await
}
