//! What clients asked for and what they were told: whatever was acknowledged must be there in the end.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use serde_json::{Value, json};

/// What clients know of one workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Acknowledged with this id.
    pub(crate) id: Option<String>,
    /// Its deletion was asked for: from then on it may be gone.
    pub(crate) may_be_gone: bool,
    /// Its deletion was acknowledged: it must go.
    pub(crate) must_go: bool,
    /// What is known of each file that was written.
    pub(crate) files: BTreeMap<String, File>,
}

/// What a file may say.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    /// Something was acknowledged: it is there.
    pub(crate) is_there: bool,
    /// What was acknowledged last, and what was asked for since.
    pub(crate) texts: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct History {
    known: Mutex<BTreeMap<String, Known>>,
    log: Mutex<fs::File>,
    begun: Instant,
}

impl History {
    pub(crate) fn new(file: &Path) -> Self {
        let log = Mutex::new(fs::File::create(file).unwrap());
        Self { known: Mutex::default(), log, begun: Instant::now() }
    }

    /// One line of JSON for each thing asked, answered or done.
    pub(crate) fn note(&self, what: &str, name: &str, answer: &Value) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let line = json!({ "seconds": seconds, "what": what, "name": name, "answer": answer });
        writeln!(self.log.lock().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap()
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Known)) {
        change(self.known().entry(name.to_owned()).or_default());
    }

    /// How many creations were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.known().values().filter(|known| known.id.is_some()).count()
    }
}
