//! A secret is found nowhere: not in the tree, not in an error, not in a log at its most talkative.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tracing_subscriber::fmt::MakeWriter;
use workspace_core::error::Error;
use workspace_core::secret::Secret;
use workspace_git::{Credentials, GitTree, NewWorktree};

use crate::common::{Bare, commit, folder};

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The forms in which a secret could be seen.
fn forms(username: &str, secret: &str) -> Vec<Vec<u8>> {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text).into_bytes();
    vec![secret.into(), encode(secret), encode(&format!("{username}:{secret}"))]
}

fn require_absent(forms: &[Vec<u8>], place: &str, bytes: &[u8]) {
    for form in forms {
        assert!(!bytes.windows(form.len()).any(|window| window == form), "a secret is in {place}");
    }
}

fn search(forms: &[Vec<u8>], folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        require_absent(forms, "a name", entry.to_string_lossy().as_bytes());
        if entry.is_dir() {
            files += search(forms, &entry);
        } else {
            require_absent(forms, &entry.display().to_string(), &fs::read(&entry).unwrap());
            files += 1;
        }
    }
    files
}

fn require_silent(forms: &[Vec<u8>], error: &Error) {
    let text = format!("{error} {error:?} {error:#?} {} {:?}", error.chain(), error.next_step());
    require_absent(forms, "an error", text.as_bytes());
}

async fn whole_life(bare: &Bare, address: &str, credentials: &Credentials, forms: &[Vec<u8>]) {
    let tree = folder();
    let sync = bare.at(address, credentials.clone()).depth(1);
    require_absent(forms, "Debug", format!("{sync:?} {credentials:?}").as_bytes());
    sync.clone_into(tree.path()).await.unwrap();
    GitTree::at(tree.path())
        .add_worktree(NewWorktree { name: format!("w-{}", address.len()), path: "w".into() })
        .await
        .unwrap();
    fs::write(tree.path().join("a"), address).unwrap();
    commit(tree.path(), "a").await.unwrap();
    sync.push_branch(tree.path()).await.unwrap();
    bare.somebody_pushes("main", "b", address).await;
    sync.pull_into(tree.path()).await.unwrap();
    assert!(search(forms, tree.path()) > 20);
    let config = fs::read_to_string(tree.path().join(".git/config")).unwrap();
    assert!(config.contains(&bare.url(address)), "{config}");
    for entry in fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        require_absent(forms, "a name", entry.file_name().as_encoded_bytes());
    }
}

#[tokio::test]
async fn the_token_is_nowhere() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone());
    subscriber.init();
    let bare = Bare::seeded();
    let seen = forms(&bare.server.username, &bare.server.token);
    for address in [&bare.server.https, &bare.server.http] {
        whole_life(&bare, address, &bare.token(), &seen).await;
    }
    search(&seen, &bare.path());

    let wrong = Credentials::Token { username: "me".into(), token: Secret::new("canary-9b1c") };
    let wrong_forms = forms("me", "canary-9b1c");
    let missing = Bare { server: crate::common::server(), name: "missing".into() };
    for (sync, forms) in [
        (bare.at(&bare.server.https, wrong.clone()), &wrong_forms),
        (bare.at(&bare.server.ssh, wrong.clone()), &wrong_forms),
        (bare.at("https://127.0.0.1:1", wrong), &wrong_forms),
        (missing.sync(), &seen),
    ] {
        require_silent(forms, &sync.clone_into(folder().path()).await.unwrap_err());
    }
    let log = log.0.lock().unwrap().clone();
    assert!(log.len() > 10_000, "the log has only {} bytes", log.len());
    require_absent(&seen, "the log", &log);
    require_absent(&wrong_forms, "the log", &log);
}

#[tokio::test]
async fn the_key_is_nowhere() {
    let bare = Bare::seeded();
    let Credentials::SshKey { private_key, host_keys, .. } = bare.key() else { panic!("a key") };
    // A key is text of many lines; each long one is as secret as the whole.
    let lines = private_key.reveal().lines().filter(|line| line.len() > 40);
    let seen: Vec<Vec<u8>> = lines.map(|line| line.as_bytes().to_vec()).collect();
    assert!(seen.len() > 2);
    whole_life(&bare, &bare.server.ssh, &bare.key(), &seen).await;
    let broken: String = private_key.reveal().lines().filter(|line| !line.is_empty()).skip(1).collect();
    let broken = Credentials::SshKey { private_key: Secret::new(broken), passphrase: None, host_keys };
    require_silent(&seen, &bare.at(&bare.server.ssh, broken).clone_into(folder().path()).await.unwrap_err());
}

#[test]
fn urls_with_secrets_are_refused_without_them() {
    for text in ["https://me:canary@h/a", "https://canary@h/a", "ssh://me:canary@h/a", "https://h/a?t=canary", "canary"]
    {
        let error = text.parse::<workspace_git::GitUrl>().unwrap_err();
        require_silent(&[b"canary".to_vec()], &error);
    }
}
