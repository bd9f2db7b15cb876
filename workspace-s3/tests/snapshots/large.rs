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
/// Tells [`one_step`] what to do: the step, the place, the project.
const STEP: [&str; 3] = ["SNAPSHOT_STEP", "SNAPSHOT_PLACE", "SNAPSHOT_PROJECT"];

fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// The most memory that this process ever had.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Takes a snapshot, changes something, takes another, restores it, and compares byte by byte. Each step is a process
/// of its own, as a job is. Answers with what the second snapshot says: files, files changed, files read.
fn there_and_back(place: &Path, change: impl FnOnce(&Path)) -> [u64; 3] {
    let tree = place.join("tree");
    let project = project().to_string();
    let step = |name: &str| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "large::one_step", "--ignored", "--nocapture"]);
        child.env(STEP[0], name).env(STEP[1], place).env(STEP[2], &project);
        assert!(child.status().unwrap().success(), "{name}");
    };
    plant::settle();
    step("take");
    change(&tree);
    step("take");
    step("restore");
    let same = Command::new("diff").args(["-r", "--no-dereference"]).arg(tree).arg(place.join("target")).status();
    assert!(same.unwrap().success());
    let said = fs::read_to_string(place.join("report")).unwrap();
    let numbers: Vec<u64> = said.split(' ').map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

#[tokio::test]
#[ignore = "a step of the tests below, in a process of its own"]
async fn one_step() {
    let [step, place, project] = STEP.map(|name| std::env::var(name).expect("started by the tests below only"));
    let place = Path::new(&place);
    let sync = SnapshotSync::new(&directory(&place.join("storage")), project.parse().unwrap());
    let sync = sync.cache(place.join("cache"));
    if step == "take" {
        let made = sync.snapshot(&place.join("tree"), &SnapshotOptions::default()).await.unwrap();
        let said = format!("{} {} {}", made.files, made.files_changed, made.files_read);
        fs::write(place.join("report"), said).unwrap();
    } else {
        sync.restore(&place.join("target"), &RestoreOptions::default()).await.unwrap();
    }
    let peak = peak_mib();
    println!("{step}: {peak} MiB");
    assert!(peak <= MOST_MEMORY, "{step}: {peak} MiB");
}

#[test]
fn a_hundred_thousand_files() {
    let place = place();
    for folder in 0..400 {
        let path = place.path().join(format!("tree/{}/{folder}", folder / 20));
        fs::create_dir_all(&path).unwrap();
        for file in 0..250 {
            fs::write(path.join(format!("file-{file}.txt")), format!("{folder} {file}\n")).unwrap();
        }
    }
    let change = |tree: &Path| fs::write(tree.join("3/77/file-9.txt"), "changed").unwrap();
    let [files, changed, read] = there_and_back(place.path(), change);
    assert_eq!((files, changed), (100_000, 1));
    assert!(read <= 1, "{read} files were read");
}

#[test]
fn one_file_of_a_gibibyte() {
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
    assert_eq!(there_and_back(place.path(), change), [1, 1, 1]);
    // The two or three pieces that changed, and no more.
    let stored = size(&place.path().join("storage"));
    assert!(stored < (1 << 30) + (8 << 20), "{stored} bytes are stored");
}

/// The sizes of all files below.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { size(&path) } else { fs::metadata(path).unwrap().len() }).sum()
}
