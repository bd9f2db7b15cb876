//! Large trees and large files, in little memory. In memory themselves where there is a `/dev/shm`: 100,000 files take
//! minutes on a disk.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use workspace_s3::{RestoreOptions, SnapshotOptions, SnapshotSync};

use crate::places::{directory, project};
use crate::plant;

/// What one process may take, in MiB.
const MOST_MEMORY: u64 = 96;

fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// The most memory that this process ever had. Each test has a process of its own with nextest.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Takes a snapshot, changes something, takes another, restores it, and compares byte by byte.
async fn there_and_back(place: &Path, change: impl FnOnce(&Path)) -> workspace_s3::SnapshotReport {
    let (tree, target) = (place.join("tree"), place.join("target"));
    let sync = SnapshotSync::new(&directory(&place.join("storage")), project()).cache(place.join("cache"));
    plant::settle();
    sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    change(&tree);
    let second = sync.snapshot(&tree, &SnapshotOptions::default()).await.unwrap();
    sync.restore(&target, &RestoreOptions::default()).await.unwrap();
    let peak = peak_mib();
    assert!(peak <= MOST_MEMORY, "{peak} MiB");
    let same = Command::new("diff").args(["-r", "--no-dereference"]).arg(&tree).arg(&target).status().unwrap();
    assert!(same.success());
    second
}

#[tokio::test]
async fn a_hundred_thousand_files() {
    let place = place();
    for folder in 0..400 {
        let path = place.path().join(format!("tree/{}/{folder}", folder / 20));
        fs::create_dir_all(&path).unwrap();
        for file in 0..250 {
            fs::write(path.join(format!("file-{file}.txt")), format!("{folder} {file}\n")).unwrap();
        }
    }
    let change = |tree: &Path| fs::write(tree.join("3/77/file-9.txt"), "changed").unwrap();
    let second = there_and_back(place.path(), change).await;
    assert_eq!((second.files, second.files_changed), (100_000, 1));
    assert!(second.files_read <= 1, "{second:?}");
}

#[tokio::test]
async fn one_file_of_a_gibibyte() {
    let place = place();
    fs::create_dir(place.path().join("tree")).unwrap();
    let mut file = fs::File::create(place.path().join("tree/large")).unwrap();
    for part in 0..256 {
        file.write_all(&plant::noise(part, 4 << 20)).unwrap();
    }
    let change = |tree: &Path| {
        let file = fs::OpenOptions::new().write(true).open(tree.join("large")).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &plant::noise(999, 65_536), 700_000_000).unwrap();
    };
    let second = there_and_back(place.path(), change).await;
    assert_eq!(second.files_changed, 1);
    // The two or three pieces that changed, and no more.
    let sum: u64 = walk(&place.path().join("storage"));
    assert!(sum < (1 << 30) + (8 << 20), "{sum} bytes are stored");
}

/// The sizes of all files below.
fn walk(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { walk(&path) } else { fs::metadata(path).unwrap().len() }).sum()
}
