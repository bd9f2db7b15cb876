//! A fleet without a past on the real servers: a master, its clients, and what they were told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, sleeper};
use crate::engines::{Engine, Object, home};
use crate::history::History;
use crate::master::Master;
use crate::real_part;

/// How many clients ask at the same time.
const CLIENTS: usize = 4;

pub(crate) struct Rig {
    pub(crate) engines: Vec<Engine>,
    pub(crate) master: Arc<Master>,
    pub(crate) client: Client,
    /// What stood on the servers at the beginning.
    pub(crate) before: Vec<Object>,
    variables: Vec<(String, String)>,
    folder: PathBuf,
}

impl Rig {
    /// Of these servers, which the master finds at the endpoints that their records say.
    pub(crate) fn new(name: &str, engines: Vec<Engine>) -> Self {
        Self::with(name, engines, &[])
    }

    /// With these variables beside the usual ones.
    pub(crate) fn with(name: &str, engines: Vec<Engine>, more: &[(&str, &str)]) -> Self {
        let folder = Path::new(&real_part("CHAOS_DIR")).join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        std::fs::create_dir_all(&folder).unwrap();
        let variables = variables(&engines, more);
        let before = engines.iter().flat_map(Engine::objects).collect();
        let master = Arc::new(Master::start(&folder, variables.clone()));
        let history = Arc::new(History::new(&folder.join("history.jsonl")));
        let client = Client { api: master.api.clone(), history };
        let rig = Self { engines, master, client, before, variables, folder };
        rig.until_healthy();
        rig
    }

    /// One more master beside the first, on the same store.
    pub(crate) fn another_master(&self, name: &str) -> Master {
        let mut variables = self.variables.clone();
        variables.retain(|(variable, _)| variable != "MASTER_ID");
        variables.push(("MASTER_ID".to_owned(), name.to_owned()));
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        // They share what seals the secrets in the store.
        std::fs::create_dir_all(folder.join("data")).unwrap();
        std::fs::copy(self.folder.join("data/secret-key"), folder.join("data/secret-key")).unwrap();
        Master::start(&folder, variables)
    }

    pub(crate) fn until_healthy(&self) {
        let healthy = || {
            let Ok(servers) = self.client.api.list("/admin/servers") else { return false };
            servers.len() == self.engines.len() && servers.iter().all(|server| server["availability"] == "healthy")
        };
        eventually("all servers are healthy", Duration::from_mins(2), healthy);
    }

    /// Notes in the history what was done to the fleet.
    pub(crate) fn note(&self, what: &str) {
        self.client.history.note("fault", what, &Value::Null);
    }

    /// Starts so many workspaces from several clients at once. In the middle of it, when a quarter is acknowledged,
    /// `fault` does its work and returns when all is well again. Returns when the last one is acknowledged.
    pub(crate) fn starts(&self, prefix: &str, count: usize, fault: impl FnOnce()) {
        let before = self.client.history.acknowledged();
        thread::scope(|scope| {
            for first in 0..CLIENTS {
                let client = self.client.clone();
                scope.spawn(move || {
                    for n in (first..count).step_by(CLIENTS) {
                        client.create(&sleeper(&format!("{prefix}-{n}")));
                    }
                });
            }
            let enough = || self.client.history.acknowledged() >= before + count.div_ceil(4);
            eventually("a quarter of the starts is acknowledged", Duration::from_mins(2), enough);
            fault();
        });
    }

    /// Workspaces that run with a file each before anything goes wrong.
    pub(crate) fn residents(&self, count: usize) -> Vec<String> {
        let names: Vec<String> = (0..count).map(|n| format!("resident-{n}")).collect();
        for name in &names {
            self.client.create(&sleeper(name));
        }
        for name in &names {
            let runs = || self.client.row(name)["status"] == "running";
            eventually("a resident runs", Duration::from_mins(2), runs);
            assert!(self.client.write(name, "kept/first", &format!("{name} was here")));
        }
        names
    }
}

fn variables(engines: &[Engine], more: &[(&str, &str)]) -> Vec<(String, String)> {
    let servers: Vec<Value> = engines.iter().map(|engine| engine.spec.clone()).collect();
    let s3 = std::fs::read_to_string(home().join("s3.env")).unwrap();
    let mut variables = vec![
        ("SERVERS".to_owned(), "docker".to_owned()),
        ("WORKSPACE_SERVERS".to_owned(), json!(servers).to_string()),
        ("WORKER_IMAGE".to_owned(), real_part("WORKSPACE_TEST_WORKER_IMAGE")),
    ];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    variables.extend(s3.lines().filter_map(|line| line.split_once('=')).map(owned));
    variables.extend(more.iter().copied().map(owned));
    variables
}

#[track_caller]
pub(crate) fn eventually(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_so() {
        assert!(Instant::now() < deadline, "not so in {limit:?}: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}
