//! Rules of files.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join;

use super::rig::{folder, refused, run, shell, told};
use crate::error::ErrorKind;
use crate::port::{Channel, ExecEnd, FileKind, MAX_FILE_BYTES};

async fn write(channel: &dyn Channel, path: &str, text: impl Into<Bytes>) {
    let written = channel.write_file(path, text.into(), None).await;
    written.unwrap_or_else(|error| unreachable!("{path} is written: {}", error.chain()));
}

async fn read(channel: &dyn Channel, path: &str) -> Bytes {
    let content = channel.read_file(path).await;
    content.unwrap_or_else(|error| unreachable!("{path} is read: {}", error.chain())).bytes
}

/// A file comes back as it was written, and a program sees it; writing again replaces it.
pub async fn files_come_back_as_written(channel: &dyn Channel) {
    let folder = folder();
    let path = format!("{folder}/a file");
    for text in [&b"first\n\0\xff"[..], b"second, longer than the first", b""] {
        let written = channel.write_file(&path, Bytes::from(text), None).await.expect("the file is written");
        let content = channel.read_file(&path).await.expect("the file is read");
        assert_eq!(content.bytes, Bytes::from(text), "a file comes back as written");
        assert_eq!(content.entry, written, "what was written is what is there");
        assert_eq!((content.entry.path.as_str(), content.entry.kind), (path.as_str(), FileKind::File), "its entry");
        assert_eq!((content.entry.size, content.entry.mode), (text.len() as u64, 0o644), "size and mode");
    }
    told(channel, format!("printf seen > '{folder}/by program'")).await;
    assert_eq!(read(channel, &format!("{folder}/by program")).await, "seen", "what a program wrote is read");
}

/// Writing makes the folders that are missing.
pub async fn folders_are_made_on_the_way(channel: &dyn Channel) {
    let path = format!("{}/x/y/z/file", folder());
    write(channel, &path, "deep").await;
    assert_eq!(read(channel, &path).await, "deep", "missing folders are made");
}

/// What does not exist is told as such by every operation on files.
pub async fn missing_files_are_told(channel: &dyn Channel) {
    let path = format!("{}/missing", folder());
    refused("a missing file is not read", channel.read_file(&path).await, ErrorKind::FileNotFound);
    refused("a missing file is not deleted", channel.delete_file(&path).await, ErrorKind::FileNotFound);
    refused("a missing folder is not listed", channel.list_files(&path, 1).await, ErrorKind::FileNotFound);
}

/// Paths with `..` and absolute paths are refused by every operation.
pub async fn paths_that_leave_are_refused(channel: &dyn Channel) {
    for path in ["..", "../x", "a/../../etc/passwd", "/etc/passwd", "a/.."] {
        let rule = format!("{path} leaves the workspace");
        refused(&rule, channel.read_file(path).await, ErrorKind::Invalid);
        refused(&rule, channel.write_file(path, Bytes::new(), None).await, ErrorKind::Invalid);
        refused(&rule, channel.list_files(path, 1).await, ErrorKind::Invalid);
        refused(&rule, channel.delete_file(path).await, ErrorKind::Invalid);
    }
    refused("the workspace itself stays", channel.delete_file("").await, ErrorKind::Invalid);
    refused("the workspace itself is no file", channel.write_file("", Bytes::new(), None).await, ErrorKind::Invalid);
}

/// No operation follows a link out of the workspace.
pub async fn links_that_leave_are_refused(channel: &dyn Channel) {
    let folder = folder();
    let outside = told(channel, "d=$(mktemp -d) && printf secret > $d/file && echo $d").await;
    let line =
        format!("mkdir {folder} && cd {folder} && ln -s {outside} out && ln -s ../../../../../../../../..{outside} up");
    told(channel, line).await;
    for link in ["out", "up"] {
        let rule = format!("the link {link} leaves the workspace");
        let path = format!("{folder}/{link}/file");
        refused(&rule, channel.read_file(&path).await, ErrorKind::Invalid);
        refused(&rule, channel.write_file(&path, Bytes::from("forged"), None).await, ErrorKind::Invalid);
        let deeper = format!("{folder}/{link}/a/b");
        refused(&rule, channel.write_file(&deeper, Bytes::new(), None).await, ErrorKind::Invalid);
        refused(&rule, channel.delete_file(&path).await, ErrorKind::Invalid);
        refused(&rule, channel.list_files(&format!("{folder}/{link}"), 1).await, ErrorKind::Invalid);
    }
    let process = format!("{folder}/process");
    told(channel, format!("ln -s /proc/self/root {process}")).await;
    refused("a magic link leaves", channel.read_file(&format!("{process}/etc/passwd")).await, ErrorKind::Invalid);
    let there = told(channel, format!("ls {outside}; cat {outside}/file")).await;
    assert_eq!(there, "file\nsecret", "nothing happened outside");
}

/// A relative link that stays inside is followed when reading; writing replaces the link itself.
pub async fn links_that_stay_are_followed(channel: &dyn Channel) {
    let folder = folder();
    told(
        channel,
        format!("mkdir -p {folder}/d && cd {folder} && printf inside > d/f && ln -s d/f link && ln -s d way"),
    )
    .await;
    assert_eq!(read(channel, &format!("{folder}/link")).await, "inside", "a link to a file is followed");
    assert_eq!(read(channel, &format!("{folder}/way/f")).await, "inside", "a link to a folder is followed");
    write(channel, &format!("{folder}/link"), "new").await;
    assert_eq!(read(channel, &format!("{folder}/d/f")).await, "inside", "writing does not follow the last link");
    assert_eq!(read(channel, &format!("{folder}/link")).await, "new", "writing replaces the link");
}

/// 8 MiB come back as they went, while others work.
pub async fn large_files_come_back(channel: &dyn Channel) {
    let path = format!("{}/large", folder());
    let bytes: Vec<u8> = (0..8_u32 << 20).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let bytes = Bytes::from(bytes);
    let (written, quick) = join(channel.write_file(&path, bytes.clone(), None), told(channel, "echo quick")).await;
    assert_eq!(written.expect("8 MiB are written").size, 8 << 20, "8 MiB are there");
    assert_eq!(quick, "quick", "a program runs beside a large file");
    assert!(read(channel, &path).await == bytes, "8 MiB come back as they went");
}

/// What is larger than a file may be is refused in both directions.
pub async fn too_large_files_are_refused(channel: &dyn Channel) {
    let folder = folder();
    let size = usize::try_from(MAX_FILE_BYTES).expect("64 MiB fit into memory") + 1;
    let path = format!("{folder}/large");
    refused("too large to write", channel.write_file(&path, vec![0; size].into(), None).await, ErrorKind::Invalid);
    told(channel, format!("mkdir -p {folder} && truncate -s {size} {path}")).await;
    refused("too large to read", channel.read_file(&path).await, ErrorKind::Invalid);
}

/// A reader sees the old content or the new, never a mixture and never nothing.
pub async fn writing_is_atomic(channel: &dyn Channel) {
    let folder = folder();
    let path = format!("{folder}/file");
    let content = |letter: u8| Bytes::from(vec![letter; 200_000]);
    write(channel, &path, content(b'a')).await;
    let line = format!(
        "n=0; while [ ! -e {folder}/stop ]; do \
         c=$(tr -d a < {path} | wc -c) || exit 1; [ $c = 0 ] || [ $c = 200000 ] || exit 2; n=$((n+1)); done; echo $n"
    );
    let writing = async {
        for letter in *b"babababababababa" {
            write(channel, &path, content(letter)).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        write(channel, &format!("{folder}/stop"), "").await;
    };
    let (watched, ()) = join(run(channel, shell(line)), writing).await;
    assert_eq!(watched.end, ExecEnd::Exited(0), "readers see the old content or the new: {}", watched.stderr);
    assert_eq!(told(channel, format!("ls -A {folder}")).await, "file\nstop", "nothing else is left in the folder");
}

/// A given mode is set; without one a new file gets 0644, and an old one keeps its own.
pub async fn modes_are_kept(channel: &dyn Channel) {
    let path = format!("{}/script", folder());
    let text = Bytes::from("#!/bin/sh\necho ran\n");
    let entry = channel.write_file(&path, text.clone(), Some(0o750)).await.expect("the file is written");
    assert_eq!(entry.mode, 0o750, "a given mode is set");
    assert_eq!(told(channel, format!("./{path}")).await, "ran", "an executable file runs");
    let entry = channel.write_file(&path, text.clone(), None).await.expect("the file is written");
    assert_eq!(entry.mode, 0o750, "without a mode the old one stays");
    let entry = channel.write_file(&path, text, Some(0o4755)).await.expect("the file is written");
    assert_eq!(entry.mode, 0o755, "no file is made that runs as its owner");
}

/// A list is sorted by path, as deep as asked, follows no link, and tells what everything is.
pub async fn folders_are_listed_in_order_and_depth(channel: &dyn Channel) {
    let folder = folder();
    let make = "printf 12 > a && printf 345 > b/f && touch b/c/g && ln -s / l && mkfifo p";
    told(channel, format!("mkdir -p {folder}/b/c && cd {folder} && {make}")).await;
    let list = async |path: &str, depth| {
        let found = channel.list_files(path, depth).await;
        found.unwrap_or_else(|error| unreachable!("{path} is listed: {}", error.chain()))
    };
    let shallow = list(&folder, 1).await;
    let seen: Vec<_> =
        shallow.iter().map(|entry| (entry.path.strip_prefix(&format!("{folder}/")), entry.kind)).collect();
    let expected = [
        (Some("a"), FileKind::File),
        (Some("b"), FileKind::Directory),
        (Some("l"), FileKind::Symlink),
        (Some("p"), FileKind::Other),
    ];
    assert_eq!(seen, expected, "a folder's own entries");
    assert_eq!(shallow.first().map(|entry| entry.size), Some(2), "the size of a file");
    let deep: Vec<_> = list(&folder, 9).await.into_iter().map(|entry| entry.path).collect();
    let expected: Vec<_> =
        ["a", "b", "b/c", "b/c/g", "b/f", "l", "p"].iter().map(|p| format!("{folder}/{p}")).collect();
    assert_eq!(deep, expected, "everything below, sorted by path");
    assert_eq!(list(&folder, 2).await.len(), 6, "two levels");
    assert!(list("", 1).await.iter().any(|entry| entry.path == folder), "the workspace itself has the empty path");
    refused("a file has nothing below it", channel.list_files(&format!("{folder}/a"), 1).await, ErrorKind::Invalid);
}

/// Deleting takes files, links and whole folders, and leaves what links point to.
pub async fn deleting_is_deep_and_follows_no_link(channel: &dyn Channel) {
    let folder = folder();
    let make =
        "touch keep/x d/e/f/g && ln -s ../../keep d/e/link && chmod 555 d/e && ln -s ../keep d/link && ln -s keep top";
    told(channel, format!("mkdir -p {folder}/keep {folder}/d/e/f && cd {folder} && {make}")).await;
    for path in ["d", "top"] {
        let path = format!("{folder}/{path}");
        channel.delete_file(&path).await.unwrap_or_else(|error| unreachable!("{path} is deleted: {}", error.chain()));
        refused("deleted is gone", channel.delete_file(&path).await, ErrorKind::FileNotFound);
    }
    let left = told(channel, format!("cd {folder} && find . | sort | tr '\\n' ' '")).await;
    assert_eq!(left, ". ./keep ./keep/x", "links were not followed");
}

/// What is no regular file is neither read nor replaced by one, and nothing hangs.
pub async fn odd_files_are_refused(channel: &dyn Channel) {
    let folder = folder();
    told(channel, format!("mkdir -p {folder}/d && mkfifo {folder}/pipe")).await;
    refused("a folder is not read", channel.read_file(&format!("{folder}/d")).await, ErrorKind::Invalid);
    refused("a pipe is not read", channel.read_file(&format!("{folder}/pipe")).await, ErrorKind::Invalid);
    let replaced = channel.write_file(&format!("{folder}/d"), Bytes::new(), None).await;
    refused("a folder is not replaced", replaced, ErrorKind::Invalid);
}

/// Files and programs go through the channel at once.
pub async fn files_and_programs_share_the_channel(channel: &dyn Channel) {
    let folder = folder();
    let both = (0..20).map(|number| {
        let path = format!("{folder}/{number}");
        async move {
            write(channel, &path, format!("{number}")).await;
            let (read, told) = join(read(channel, &path), told(channel, format!("cat {path}"))).await;
            assert_eq!((read, told), (Bytes::from(number.to_string()), number.to_string()), "each its own");
        }
    });
    futures::future::join_all(both).await;
}
