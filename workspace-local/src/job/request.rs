//! Reading the request.

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use workspace_core::error::{Error, ErrorKind};
use workspace_core::job::JobRequest;

/// The longest request, in bytes.
const LONGEST: u64 = 32 << 20;

/// What came.
#[derive(Debug)]
pub(super) enum Received {
    /// A request.
    Request(Box<JobRequest>),
    /// The input ended before the line did.
    Nothing,
    /// A line that is no request that we know.
    Refused(Error),
}

/// All that is read of a line whose version nobody knows.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

/// Reads one line.
pub(super) async fn read(input: impl AsyncRead + Unpin) -> Received {
    let mut line = Vec::new();
    let mut input = BufReader::new(input).take(LONGEST + 1);
    // A broken stdin is an ended one.
    let _ = input.read_until(b'\n', &mut line).await;
    if line.len() as u64 > LONGEST {
        return Received::Refused(refused("the request is longer than 32 MiB".to_owned()));
    }
    if line.pop() == Some(b'\n') { parse(&line) } else { Received::Nothing }
}

/// Says nothing of the line's text: secrets are in it.
fn parse(line: &[u8]) -> Received {
    let version = serde_json::from_slice::<Versioned>(line).map(|versioned| versioned.version);
    match serde_json::from_slice::<JobRequest>(line) {
        Ok(request) if request.is_known() => Received::Request(Box::new(request)),
        Ok(request) => Received::Refused(unknown(request.version.into())),
        Err(error) => Received::Refused(match version {
            Ok(version) if version != u64::from(JobRequest::new("", 0, Vec::new()).version) => unknown(version),
            _ => refused(format!("the request cannot be read, at column {}", error.column())),
        }),
    }
}

fn unknown(version: u64) -> Error {
    refused(format!("the request has version {version} of the protocol, which this worker does not know"))
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message).hint("take a worker and a master of the same release")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_whole_line_is_a_request() {
        let whole = serde_json::to_string(&JobRequest::new("/workspace", 9, Vec::new())).unwrap();
        assert!(matches!(read(format!("{whole}\n").as_bytes()).await, Received::Request(_)));
        assert!(matches!(read(format!("{whole}\nmore").as_bytes()).await, Received::Request(_)));
        for cut in ["", &whole, &whole[..9]] {
            assert!(matches!(read(cut.as_bytes()).await, Received::Nothing), "{cut}");
        }
        for (line, word) in [
            ("\n".to_owned(), "column"),
            ("{\"canary\n".to_owned(), "column"),
            (whole.replace("/workspace\"", "/workspace\",\"canary\":1") + "\n", "column"),
            (whole.replace("\"steps\":[]", "\"steps\":\"canary\"") + "\n", "column"),
            (whole.replace("\"version\":1", "\"version\":7") + "\n", "version 7"),
            ("{\"version\":8,\"canary\":1}\n".to_owned(), "version 8"),
        ] {
            let Received::Refused(error) = read(line.as_bytes()).await else { panic!("{line} is refused") };
            assert!(error.chain().contains(word) && !error.chain().contains("canary"), "{}", error.chain());
        }
    }
}
