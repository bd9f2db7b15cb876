//! The master as a program of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program with these variables and no others.
pub(crate) fn master(data: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_master"));
    command.env_clear().env("DATA_DIR", data).env("SERVERS", "local").env("LISTEN", "127.0.0.1:0");
    command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A master that answers.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: String,
    pub(crate) said: String,
}

impl Running {
    pub(crate) fn start(data: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start_with_log(data, variables, Stdio::piped())
    }

    /// The same; a talkative one needs a place for its log that never fills.
    pub(crate) fn start_with_log(data: &Path, variables: &[(&str, &str)], log: Stdio) -> Self {
        let mut child = master(data, variables).stderr(log).spawn().expect("the master starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut said, mut address) = (String::new(), String::new());
        while !said.contains("Ctrl-C ends") {
            let Some(line) = lines.next() else {
                let mut errors = String::new();
                if let Some(mut log) = child.stderr.take() {
                    log.read_to_string(&mut errors).unwrap();
                }
                panic!("the master ended: {errors}");
            };
            let line = line.unwrap();
            if let Some(rest) = line.strip_prefix("workspace-fleet answers on http://") {
                rest.clone_into(&mut address);
            }
            said.push_str(&line);
            said.push('\n');
        }
        Self { child, address, said }
    }

    /// Sends a request and gives the whole answer.
    pub(crate) fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> String {
        self.ask_for(method, path, token, body, "*/*")
    }

    /// Sends a request for an answer of this media type.
    pub(crate) fn ask_for(&self, method: &str, path: &str, token: &str, body: &str, accept: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(3))).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\n");
        write!(stream, "{head}Accept: {accept}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks it to end, and demands that it does so soon and well.
    pub(crate) fn end(mut self, signal: &str) {
        let asked = Instant::now();
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already where the test came to its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
