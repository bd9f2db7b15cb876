//! Trees to take snapshots of.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

/// Bytes that no compression makes smaller, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub(crate) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Sets the modification time, of a link itself too.
pub(crate) fn time(path: &Path, seconds: i64, nanos: u32) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

pub(crate) fn odd(folder: &Path, name: &[u8]) -> PathBuf {
    folder.join(OsStr::from_bytes(name))
}

/// Makes all times older than a tick of the kernel's clock would let them seem new.
pub(crate) fn settle() {
    let start = std::time::Instant::now();
    while start.elapsed() < std::time::Duration::from_millis(50) {
        std::thread::yield_now();
    }
}

/// One of everything that a snapshot keeps.
pub(crate) fn everything(root: &Path) {
    fs::create_dir_all(root.join("empty directory")).unwrap();
    write(&root.join("a/b/c/deep.txt"), "deep");
    write(&root.join("empty"), "");
    write(&root.join("run"), "#!/bin/sh\n");
    mode(&root.join("run"), 0o755);
    write(&root.join("secret"), "x");
    mode(&root.join("secret"), 0o400);
    write(&odd(root, b"not \xff\xfe UTF-8"), "odd");
    write(&odd(root, b"new\nline \"quote\" \\ \x7f"), "odd");
    write(&odd(root, &[b'n'; 255]), "long");
    write(&root.join("twice"), "the same bytes");
    write(&root.join("a/twice"), "the same bytes");
    fs::hard_link(root.join("twice"), root.join("a/b/linked")).unwrap();
    symlink("a/b", root.join("link")).unwrap();
    symlink("/etc/passwd", root.join("absolute")).unwrap();
    symlink("../../../outside", root.join("a/outside")).unwrap();
    symlink(OsStr::from_bytes(b"\xff"), root.join("dangling")).unwrap();
    write(&root.join("large"), noise(1, 5_000_000));
    write(&root.join("compressible"), vec![b'z'; 3_000_000]);
    let sparse = fs::File::create(root.join("sparse")).unwrap();
    sparse.set_len(16 << 20).unwrap();
    sparse.write_all_at(&noise(2, 10_000), 8 << 20).unwrap();
    fs::File::create(root.join("hole")).unwrap().set_len(3 << 20).unwrap();
    write(&root.join("old"), "before 1970");
    time(&root.join("old"), -1_000, 999_999_999);
    time(&root.join("dangling"), 1_000_000_000, 1);
    fs::create_dir(root.join("closed")).unwrap();
    write(&root.join("closed/file"), "in it");
    time(&root.join("closed"), 5, 7);
    mode(&root.join("closed"), 0o555);
    fs::create_dir(root.join("shared")).unwrap();
    mode(&root.join("shared"), 0o1777);
    time(root, 1_500_000_000, 123_456_789);
}
