//! The small commands.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_worker")).args(arguments).output().unwrap()
}

#[test]
fn a_folder_is_prepared_measured_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("data/vol-1");
    let path = folder.to_str().unwrap();
    for _ in 0..2 {
        let prepared = run(&["prepare", path]);
        // Only root may give a folder away; anybody else is told so.
        let root_or_tenant = matches!(std::fs::metadata("/proc/self").unwrap().uid(), 0 | 1_000);
        assert_eq!(prepared.status.success(), root_or_tenant, "{prepared:?}");
        assert!(folder.is_dir());
    }
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        let data = folder.metadata().unwrap();
        assert_eq!((data.uid(), data.gid()), (1_000, 1_000));
    }
    let is_empty = || String::from_utf8(run(&["is-empty", path]).stdout).unwrap();
    assert_eq!(is_empty(), "true\n");
    std::fs::write(folder.join("file"), vec![1; 1 << 20]).unwrap();
    assert_eq!(is_empty(), "false\n");
    let measured = run(&["usage", path]);
    let bytes: u64 = String::from_utf8(measured.stdout).unwrap().trim().parse().unwrap();
    assert!((1 << 20..2 << 20).contains(&bytes), "{bytes}");
    for _ in 0..2 {
        assert!(run(&["remove", path]).status.success());
        assert!(!folder.exists());
    }
}

#[test]
fn what_goes_wrong_is_said_on_stderr() {
    for command in ["usage", "is-empty"] {
        let missing = run(&[command, "/no/such/folder"]);
        assert_eq!(missing.status.code(), Some(1));
        assert!(String::from_utf8(missing.stderr).unwrap().contains("No such file"));
    }
    for wrong in [&[][..], &["fly"], &["usage"], &["remove", "a", "b"]] {
        let output = run(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("usage: worker"), "{wrong:?}");
        assert!(output.stdout.is_empty());
    }
}
