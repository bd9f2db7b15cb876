//! Secrets are found nowhere: not in what the Engine shows, not in a log at its most talkative, not on a disk.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::parts::s3_settings;
use crate::rig::{Rig, fleet_home};

/// What must not be found, one per line, as `grep -F -f` takes it.
struct Canaries(String);

impl Canaries {
    /// Of secrets, in the forms in which they could be seen.
    fn of(secrets: &[&str]) -> Self {
        let mut forms = Vec::new();
        for secret in secrets {
            let encoded = base64(secret);
            // What encodes the end of it depends on what follows.
            forms.extend([(*secret).to_owned(), encoded[..encoded.trim_end_matches('=').len() - 2].to_owned()]);
        }
        Self(forms.join("\n"))
    }

    /// Searches below folders and in files; the places where one is.
    fn found_in(&self, places: &[PathBuf]) -> Vec<String> {
        let mut grep = Command::new("grep");
        grep.args(["-rlaF", "-D", "skip", "-f", "-"]).args(places);
        let mut grep = grep.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        grep.stdin.take().unwrap().write_all(self.0.as_bytes()).unwrap();
        let found = grep.wait_with_output().unwrap();
        String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn require_absent(&self, place: &str, text: &[u8]) {
        assert!(!text.is_empty(), "{place} was not seen");
        for form in self.0.lines() {
            assert!(!text.windows(form.len()).any(|part| part == form.as_bytes()), "a secret is in {place}");
        }
    }
}

fn base64(text: &str) -> String {
    let mut encode = Command::new("base64").arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    encode.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(encode.wait_with_output().unwrap().stdout).unwrap()
}

/// Nobody has seen it before, not even an earlier run on these disks.
fn random() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap().trim().to_owned()
}

/// Asks an Engine that speaks plain HTTP; the body, as it comes.
fn engine(endpoint: &str, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
    answer.split_off(head + 4)
}

/// Everything that an Engine shows of its containers while it is looked at, their output with it.
fn watch(endpoint: &str, over: &AtomicBool) -> Vec<u8> {
    let mut seen = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let list = engine(endpoint, "/containers/json?all=1");
        let containers: Vec<Value> = serde_json::from_slice(&list).unwrap();
        for id in containers.iter().filter_map(|container| container["Id"].as_str()) {
            seen.extend(engine(endpoint, &format!("/containers/{id}/json")));
            seen.extend(engine(endpoint, &format!("/containers/{id}/logs?stdout=1&stderr=1")));
        }
        for list in ["/volumes", "/networks", "/images/json"] {
            seen.extend(engine(endpoint, list));
        }
        thread::sleep(Duration::from_millis(200));
    }
    seen
}

/// All that a repository has: objects and what leads to them as text, and its settings.
fn repository(folder: &Path) -> Vec<u8> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("/usr/bin/git");
        command.args(["-c", "safe.directory=*", "-C"]).arg(folder).args(arguments);
        command.output().unwrap().stdout
    };
    let mut all = git(&["cat-file", "--batch-all-objects", "--batch"]);
    assert!(String::from_utf8_lossy(&all).contains("the agent was here"), "its work was pushed");
    all.extend(git(&["for-each-ref"]));
    all.extend(std::fs::read(folder.join("config")).unwrap());
    all
}

#[test]
fn secrets_are_found_nowhere() {
    let data = tempfile::tempdir().unwrap();
    let agent_key = format!("canary-{}-of-an-agent", random());
    let log = data.path().join("log");
    let rig = Rig::logging(&[("RUST_LOG", "trace")], File::create(&log).unwrap());
    let git = rig.git_token();
    let s3 = &s3_settings()["S3_SECRET_ACCESS_KEY"];
    let canaries = Canaries::of(&[&agent_key, &git, git.split_once(':').unwrap().1, s3]);
    let (project, folder) = rig.with_repository("secrets");
    let id = rig.running("secrets", &project);

    // It uses its credentials, and it is careless with them.
    let line = "test ${#AGENT_KEY} -gt 40; echo key $AGENT_KEY; echo key $AGENT_KEY >&2; \
        echo the agent was here > here; sleep 3";
    let wish = json!({
        "credentials": { "AGENT_KEY": agent_key },
        "on_success": { "commit": true, "push": true, "snapshot": true },
    });
    let over = AtomicBool::new(false);
    let (session, shown) = thread::scope(|scope| {
        let shown = scope.spawn(|| watch(rig.endpoint(), &over));
        let started = rig.execute(&project, line, &wish).ok();
        let last = rig.finished(&started);
        over.store(true, Ordering::Relaxed);
        assert_eq!(last["status"], "succeeded", "{last}");
        (started["session"].as_str().unwrap().to_owned(), shown.join().unwrap())
    });
    assert!(shown.windows(8).any(|part| part == b"accepted"), "the jobs were looked at");
    canaries.require_absent("what the Engine shows", &shown);

    let events = Value::from(rig.events(&session)).to_string();
    assert!(events.contains("key "), "what the agent said was told: {events}");
    canaries.require_absent("events", events.as_bytes());
    for path in [format!("/sessions/{session}"), format!("/workspaces/{id}/status"), format!("/projects/{project}")] {
        canaries.require_absent(&path, rig.get(&path).to_string().as_bytes());
    }
    let failed = rig.finished(&rig.execute(&project, "echo $AGENT_KEY >&2; exit 3", &wish).ok());
    assert_eq!(failed["status"], "failed");
    canaries.require_absent("the error", failed.to_string().as_bytes());
    canaries.require_absent("the repository", &repository(&folder));

    // What the snapshot has comes back as plain files on the server's disk.
    let snapshots = rig.get(&format!("/projects/{project}/snapshots"));
    let source = json!({ "name": "again", "source": { "snapshot": snapshots["items"][0]["id"] } });
    let again = rig.post("/projects", &source).ok()["id"].as_str().unwrap().to_owned();
    let restored = rig.running("again", &again);
    assert_eq!(rig.shell(&restored, "cat here"), "the agent was here\n");
    // Volumes, the layers of containers and images, what containers printed, how they were made.
    let places = [fleet_home().join("servers/1/data"), rig.data().to_owned(), log.clone()];
    assert_eq!(canaries.found_in(&places), Vec::<String>::new());
    assert!(std::fs::metadata(&log).unwrap().len() > 100_000, "the log is talkative");

    // It would find them.
    let planted = data.path().join("planted");
    std::fs::write(&planted, format!("first {}", base64(&agent_key))).unwrap();
    assert_eq!(canaries.found_in(std::slice::from_ref(&planted)), [planted.display().to_string()]);
}
