//! A client of the HTTP API that knows nothing of the master but its address.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

pub(crate) const TOKEN: &str = "a-token-for-the-torture-alone-0123456789";

/// No operation waits for a server: whoever answers later than this has not acknowledged anything.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
}

/// A status and what came with it, as JSON where it is, else as text.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.is_ok(), "{self:?}");
        self.body
    }
}

impl Api {
    /// One request on a connection of its own. An error is no answer: what was asked for may have happened.
    pub(crate) fn call(&self, method: &str, path: &str, body: &[u8], key: Option<&str>) -> io::Result<Answer> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let key = key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
        let length = body.len();
        write!(
            stream,
            "{method} /api/v1{path} HTTP/1.1\r\nHost: chaos\r\nAuthorization: Bearer {TOKEN}\r\n\
             Accept: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n{key}\r\n"
        )?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        read(&answer).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    pub(crate) fn try_get(&self, path: &str) -> io::Result<Answer> {
        self.call("GET", path, b"", None)
    }

    /// From a master that is well.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|error| panic!("GET {path}: {error}")).ok()
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.call("POST", path, text.as_bytes(), None).unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// All pages of a list.
    pub(crate) fn list(&self, path: &str) -> io::Result<Vec<Value>> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.try_get(&format!("{path}?limit=100{cursor}"))?;
            if !page.is_ok() {
                return Err(io::Error::other(format!("{page:?}")));
            }
            all.extend(page.body["items"].as_array().cloned().unwrap_or_default());
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }
}

/// A whole answer only: one that was cut is none.
fn read(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = (String::from_utf8_lossy(&answer[..end]).to_lowercase(), &answer[end + 4..]);
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = if head.contains("transfer-encoding: chunked") { whole(body)? } else { body.to_vec() };
    if let Some(length) = head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
        (length.parse() == Ok(body.len())).then_some(())?;
    }
    let text = || Value::from(String::from_utf8_lossy(&body).into_owned());
    let body = if head.contains("json") { serde_json::from_slice(&body).ok()? } else { text() };
    Some(Answer { status, body })
}

fn whole(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunks.get(end + 2..end + 2 + size)?);
        chunks = chunks.get(end + 4 + size..)?;
    }
}
