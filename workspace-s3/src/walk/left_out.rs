//! What profile `source` leaves out: what can be made again, and only where a marker says that it is that.

use crate::walk::ignore_file::IgnoreFile;

/// A directory of this name is left out when one of these stands beside it.
const BESIDE: [(&[u8], &[&[u8]]); 16] = [
    (b"node_modules", &[b"package.json"]),
    (b"bower_components", &[b"bower.json"]),
    (b"target", &[b"Cargo.toml", b"pom.xml", b"build.sbt"]),
    (b"build", &[b"build.gradle", b"build.gradle.kts"]),
    (b".gradle", &[b"build.gradle", b"build.gradle.kts", b"settings.gradle", b"settings.gradle.kts"]),
    (b".next", &[b"next.config.js", b"next.config.mjs", b"next.config.ts"]),
    (b".nuxt", &[b"nuxt.config.js", b"nuxt.config.ts"]),
    (b".svelte-kit", &[b"svelte.config.js"]),
    (b".tox", &[b"tox.ini", b"setup.cfg", b"pyproject.toml"]),
    (b".nox", &[b"noxfile.py"]),
    (b"_build", &[b"mix.exs", b"dune-project"]),
    (b"deps", &[b"mix.exs"]),
    (b".dart_tool", &[b"pubspec.yaml"]),
    (b"Pods", &[b"Podfile"]),
    (b".zig-cache", &[b"build.zig"]),
    (b"elm-stuff", &[b"elm.json"]),
];

/// A directory is left out when one of these is in it.
const INSIDE: [&[u8]; 1] = [b"pyvenv.cfg"];

/// The file that marks caches, and how it must begin (<https://bford.info/cachedir/>).
pub(super) const CACHE_TAG: &[u8] = b"CACHEDIR.TAG";
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// What counts in one directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// From the root down to here.
    pub(super) workspace: Vec<IgnoreFile>,
    pub(super) git: Vec<IgnoreFile>,
}

impl Rules {
    /// Whether an entry is left out, seen from the directory that it is in. `beside` are all its names in order.
    pub(super) fn leave_out(&self, path: &[u8], name: &[u8], is_folder: bool, beside: &[Box<[u8]>]) -> bool {
        if let Some(verdict) = self.verdict(path, is_folder) {
            return verdict;
        }
        if self.git.iter().rev().find_map(|file| file.verdict(path, is_folder)) == Some(true) {
            return true;
        }
        let has = |marker: &&[u8]| beside.binary_search_by(|other| (**other).cmp(marker)).is_ok();
        is_folder && BESIDE.iter().any(|(folder, markers)| *folder == name && markers.iter().any(has))
    }

    /// Whether a directory is left out for what is in it. `tag` gives the first bytes of its cache tag.
    pub(super) fn leave_out_inside(&self, path: &[u8], names: &[Box<[u8]>], tag: impl FnOnce() -> Vec<u8>) -> bool {
        let has = |marker: &&[u8]| names.binary_search_by(|other| (**other).cmp(marker)).is_ok();
        let marked = INSIDE.iter().any(has) || has(&CACHE_TAG) && tag().starts_with(CACHE_SIGNATURE);
        marked && self.verdict(path, true).is_none()
    }

    /// What `.workspaceignore` says: the deepest that speaks counts.
    fn verdict(&self, path: &[u8], is_folder: bool) -> Option<bool> {
        self.workspace.iter().rev().find_map(|file| file.verdict(path, is_folder))
    }
}
