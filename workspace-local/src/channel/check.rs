//! Looking whether something answers at a port of this machine's or container's own.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use workspace_core::channel::{CheckEnded, FrameKind};
use workspace_core::error::Result;
use workspace_core::port::PortCheck;

use crate::channel::request::Replies;

/// A status line is shorter.
const LINE: u64 = 256;

/// Carries out a check.
pub(super) async fn run(check: &PortCheck, limit: Duration, replies: &Replies) -> Result<()> {
    let looked = timeout(limit, look(check)).await;
    let problem = looked.unwrap_or_else(|_| Some(format!("no answer within {} ms", limit.as_millis())));
    replies.json(FrameKind::End, &CheckEnded { problem }).await
}

async fn look(check: &PortCheck) -> Option<String> {
    let (PortCheck::Tcp { port } | PortCheck::Http { port, .. }) = check;
    let mut stream = match TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await {
        Ok(stream) => stream,
        Err(error) => return Some(format!("nothing takes connections at port {port}: {error}")),
    };
    let PortCheck::Http { path, .. } = check else { return None };
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let asked = async {
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = stream.take(LINE);
        while !answer.contains(&b'\n') && bytes.read_buf(&mut answer).await? > 0 {}
        std::io::Result::Ok(())
    };
    if let Err(error) = asked.await {
        return Some(format!("port {port} did not answer: {error}"));
    }
    match status(&answer) {
        Some(200..=399) => None,
        Some(code) => Some(format!("GET {path} at port {port} was answered with {code}")),
        None => Some(format!("what answers at port {port} is no HTTP")),
    }
}

/// The code of a status line such as `HTTP/1.1 200 OK`.
fn status(answer: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(answer.split(|byte| *byte == b'\r' || *byte == b'\n').next()?).ok()?;
    line.strip_prefix("HTTP/")?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port that answers everything with these bytes.
    async fn answers(with: &'static [u8]) -> u16 {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = [0; 1_024];
                if stream.read(&mut asked).await.is_ok_and(|read| read > 0) {
                    stream.write_all(with).await.unwrap();
                }
            }
        });
        port
    }

    #[tokio::test]
    async fn what_answers_is_told_by_its_answer() {
        let ask = async |port, path: &str| look(&PortCheck::Http { port, path: path.to_owned() }).await;
        let good = answers(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!((ask(good, "/").await, look(&PortCheck::Tcp { port: good }).await), (None, None));
        let bad = answers(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
        assert_eq!(ask(bad, "/ready").await.unwrap(), format!("GET /ready at port {bad} was answered with 503"));
        let other = answers(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        assert!(ask(other, "/").await.unwrap().ends_with("is no HTTP"));
    }

    #[test]
    fn status_lines() {
        assert_eq!(status(b"HTTP/1.1 204 No Content\r\nServer: x"), Some(204));
        assert_eq!(status(b"HTTP/1.0 500"), Some(500));
        for none in [&b"SSH-2.0-OpenSSH"[..], b"HTTP/1.1", b"HTTP/1.1 abc", b"\xff\xff 200", b""] {
            assert_eq!(status(none), None);
        }
    }
}
