//! The house keeps its shape: arrows point down, files stay small, every member takes the common lints.

#![expect(clippy::expect_used, reason = "what is not as it should be fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Source lines of one file without its tests; the aim is 200.
const MOST_LINES: usize = 500;

/// What each crate may depend on among ours. The facade's and the http crate's arrows are the design's.
const ARROWS: [(&str, &[&str]); 12] = [
    ("workspace-core", &[]),
    ("workspace-local", &["workspace-core"]),
    ("workspace-docker", &["workspace-core"]),
    ("workspace-git", &["workspace-core"]),
    ("workspace-s3", &["workspace-core"]),
    ("workspace-sql", &["workspace-core"]),
    ("workspace-http", &["workspace-core"]),
    (
        "workspace-fleet",
        &[
            "workspace-core",
            "workspace-local",
            "workspace-docker",
            "workspace-git",
            "workspace-s3",
            "workspace-sql",
            "workspace-http",
        ],
    ),
    ("master", &["workspace-fleet"]),
    ("worker", &["workspace-fleet"]),
    ("workspace-benches", &["workspace-fleet"]),
    ("workspace-tests", &["workspace-fleet"]),
];

/// The floors of core, lowest first: a module uses its own floor and those below. `testing` may use all.
const FLOORS: [&[&str]; 5] = [
    &["id", "error", "resources", "label", "clock", "event", "secret", "environment", "signal"],
    &["model"],
    &["port"],
    &["placement", "memory", "channel", "job"],
    &["orchestrator"],
];

/// Leaf types that name something of a higher floor in their data: a refusal is part of an error and of a row.
const SHARED: [(&str, &str); 2] = [("error", "placement"), ("model", "placement")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace").to_owned()
}

fn members() -> Vec<(String, PathBuf, String)> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the root manifest");
    let list = manifest.split("members = [").nth(1).and_then(|rest| rest.split(']').next()).expect("a member list");
    let folders = list.split('"').skip(1).step_by(2).map(|folder| root().join(folder));
    folders
        .chain([root()])
        .map(|folder| {
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
            let package = manifest.split("[package]").nth(1).expect("a package");
            let name = package.lines().find_map(|line| line.strip_prefix("name = ")).expect("a name");
            (name.trim_matches('"').to_owned(), folder, manifest)
        })
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for part in ["src", "tests", "benches"] {
        sources(&folder.join(part), &mut found);
    }
    found.sort();
    found
}

#[test]
fn arrows_between_crates_point_down() {
    let arrows: BTreeMap<_, _> = ARROWS.into_iter().collect();
    for (name, _, manifest) in members() {
        let allowed = arrows.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no place in the house"));
        let dependencies = manifest.lines().filter_map(|line| line.split([' ', '.', '=']).next());
        // The list of versions in the root manifest is no dependency.
        let own: Vec<_> = dependencies.filter(|line| line.starts_with("workspace-")).collect();
        let used =
            if name == "workspace-fleet" { own.into_iter().filter(|d| *d != "workspace-fleet").collect() } else { own };
        for used in used {
            assert!(allowed.contains(&used), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn every_member_takes_the_common_lints() {
    for (name, _, manifest) in members() {
        let lints = manifest.split("[lints]").nth(1).unwrap_or_default();
        assert!(lints.trim_start().starts_with("workspace = true"), "{name} lacks `[lints] workspace = true`");
    }
}

#[test]
fn no_file_has_grown_out_of_its_room() {
    for (_, folder, _) in members() {
        for file in files_of(&folder).iter().filter(|file| !file.components().any(|part| part.as_os_str() == "tests")) {
            let text = fs::read_to_string(file).expect("a source file");
            let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
            assert!(lines <= MOST_LINES, "{} has {lines} lines, at most {MOST_LINES}", file.display());
        }
    }
}

#[test]
fn arrows_inside_core_point_down() {
    let core = root().join("workspace-core/src");
    let floor = |module: &str| FLOORS.iter().position(|floor| floor.contains(&module));
    for file in files_of(&root().join("workspace-core")) {
        let Ok(inside) = file.strip_prefix(&core) else { continue };
        let first = inside.components().next().expect("a file below src").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "testing" {
            continue;
        }
        let here = floor(&module).unwrap_or_else(|| panic!("module {module} of core has no floor"));
        let text = fs::read_to_string(&file).expect("a source file");
        let without_tests = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for used in without_tests
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .filter_map(|line| line.split("crate::").nth(1))
        {
            let used: String = used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let shared = SHARED.contains(&(module.as_str(), used.as_str()));
            if let Some(there) = floor(&used) {
                assert!(there <= here || shared, "{}: {module} must not use {used}", inside.display());
            }
        }
    }
}

#[test]
fn http_knows_no_backend_and_core_no_outside() {
    let banned = |folder: &str, words: &[&str]| {
        for file in files_of(&root().join(folder)) {
            let text = fs::read_to_string(&file).expect("a source file");
            for (number, line) in text.lines().enumerate() {
                let used = words.iter().find(|word| line.trim_start().starts_with(&format!("use {word}")));
                assert_eq!(used, None, "{}:{}", file.display(), number + 1);
            }
        }
    };
    banned(
        "workspace-core/src",
        &["bollard", "sqlx", "object_store", "git2", "axum", "http::", "std::fs", "tokio::net", "tokio::fs"],
    );
    banned("workspace-http/src", &["bollard", "sqlx", "workspace_docker", "workspace_sql", "workspace_local"]);
}

#[test]
fn the_default_facade_builds_no_backend_and_no_c() {
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "workspace-fleet",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("names are text");
    let names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"workspace-local"), "the default is core and local: {names:?}");
    for banned in [
        "libgit2-sys",
        "git2",
        "libsqlite3-sys",
        "sqlx",
        "object_store",
        "bollard",
        "axum",
        "cc",
        "ring",
        "openssl-sys",
    ] {
        assert!(!names.contains(&banned), "the default features build {banned}");
    }
}
