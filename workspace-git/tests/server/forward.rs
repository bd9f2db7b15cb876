//! Servers that behave badly: our own, since no real one does it on request.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use workspace_core::error::{Error, ErrorKind};
use workspace_core::secret::Secret;
use workspace_git::{Credentials, GitSettings, GitSync};

use crate::common::{Bare, folder, remote, server, settings};

/// Answers every request with the same text, or never; keeps what it was asked.
struct Canned {
    place: SocketAddr,
    asked: Arc<Mutex<String>>,
}

impl Canned {
    async fn answering(answer: Option<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (place, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<String>>::default());
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 8192];
                let read = stream.read(&mut request).await.unwrap_or(0);
                seen.lock().unwrap().push_str(&String::from_utf8_lossy(&request[..read]));
                match &answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
                    None => std::future::pending().await,
                }
            }
        });
        Self { place, asked }
    }

    async fn redirecting(location: &str) -> Self {
        Self::answering(Some(format!(
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )))
        .await
    }

    fn asked(&self) -> String {
        self.asked.lock().unwrap().clone()
    }

    fn sync(&self, settings: GitSettings) -> GitSync {
        let token = Credentials::Token { username: "me".into(), token: Secret::new("canary") };
        GitSync::new(remote(&format!("http://{}/a/b", self.place), token), settings)
    }

    async fn clone_error(&self) -> Error {
        self.sync(settings(&server())).clone_into(folder().path()).await.unwrap_err()
    }
}

#[tokio::test]
async fn no_redirect_leads_to_another_place() {
    let thief = Canned::answering(Some("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into())).await;
    for location in [
        format!("http://{}/a/b/info/refs?service=git-upload-pack", thief.place),
        format!("//{}/a/b/info/refs?service=git-upload-pack", thief.place),
        format!("http://me@{}/info/refs?service=git-upload-pack", thief.place),
        "https://127.0.0.1/a/b/info/refs?service=git-upload-pack".into(),
        "file:///etc/info/refs?service=git-upload-pack".into(),
        "/login".into(),
        "/..".into(),
    ] {
        let host = Canned::redirecting(&location).await;
        let error = host.clone_error().await;
        assert_eq!(error.kind(), ErrorKind::RemoteRefused, "{location}: {error:?}");
        assert!(error.message().contains("redirects to another place"), "{error}");
        assert!(host.asked().to_lowercase().contains("authorization: basic"), "{}", host.asked());
    }
    assert_eq!(thief.asked(), "");
}

#[tokio::test]
async fn redirects_on_the_same_host_are_followed_but_not_for_ever() {
    let host = Canned::redirecting("/moved/info/refs?service=git-upload-pack").await;
    let error = host.clone_error().await;
    assert!(error.message().contains("in circles"), "{error:?}");
    assert!(host.asked().contains("GET /moved/info/refs?service=git-upload-pack"), "{}", host.asked());
}

#[tokio::test]
async fn web_pages_and_statuses_are_no_repositories() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
    assert_eq!(Canned::answering(Some(page.into())).await.clone_error().await.kind(), ErrorKind::RemoteNotFound);
    for (status, kind) in [
        (401, ErrorKind::RemoteRefused),
        (403, ErrorKind::RemoteRefused),
        (404, ErrorKind::RemoteNotFound),
        (418, ErrorKind::RemoteRefused),
        (429, ErrorKind::RemoteUnreachable),
        (500, ErrorKind::RemoteUnreachable),
        (503, ErrorKind::RemoteUnreachable),
    ] {
        let text = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!(Canned::answering(Some(text)).await.clone_error().await.kind(), kind, "{status}");
    }
    for nonsense in [
        "",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 9\r\n\r\nzzzzzzzzz",
    ] {
        let error = Canned::answering(Some(nonsense.into())).await.clone_error().await;
        assert!([ErrorKind::RemoteUnreachable, ErrorKind::Invalid].contains(&error.kind()), "{nonsense:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let silent = Canned::answering(None).await;
    let impatient = GitSettings { stall_limit: Duration::from_millis(300), ..settings(&server()) };
    let began = Instant::now();
    let error = silent.sync(impatient).clone_into(folder().path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn cancel_ends_what_waits_and_refuses_what_comes() {
    let (silent, cancel, tree) = (Canned::answering(None).await, CancellationToken::new(), folder());
    let sync = silent.sync(settings(&server())).cancel(cancel.clone());
    let (cloned, ()) = tokio::join!(sync.clone_into(tree.path()), async {
        while silent.asked().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert_eq!(cloned.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(std::fs::read_dir(tree.path()).unwrap().next().is_none());
    let bare = Bare::seeded();
    let late = bare.sync().cancel(cancel).clone_into(tree.path()).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn only_who_knows_the_word_may_use_the_relay() {
    // The relay of an operation that waits is found by trying every port that listens on loopback.
    let silent = Canned::answering(None).await;
    let sync = silent.sync(settings(&server()));
    let tree = folder();
    let waiting = tokio::spawn({
        let tree = tree.path().to_owned();
        async move { sync.clone_into(&tree).await.is_err() }
    });
    while silent.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    let asked_before = silent.asked();
    let mut relays = 0;
    for port in loopback_ports().into_iter().filter(|port| *port != silent.place.port()) {
        let Ok(mut stream) = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { continue };
        let request = format!(
            "GET /{}/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "0".repeat(32)
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_string(&mut answer)).await;
        relays += usize::from(answer.starts_with("HTTP/1.1 404"));
    }
    assert!(relays > 0, "no relay was found");
    assert_eq!(silent.asked(), asked_before);
    waiting.abort();
}

/// Ports on 127.0.0.1 on which this process listens.
fn loopback_ports() -> Vec<u16> {
    let own: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|fd| {
            Some(
                std::fs::read_link(fd.ok()?.path())
                    .ok()?
                    .to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.get(3) == Some(&"0A") && own.iter().any(|inode| inode == words[9]))
        .filter_map(|words| u16::from_str_radix(words[1].strip_prefix("0100007F:")?, 16).ok())
        .collect()
}
