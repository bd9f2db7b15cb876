//! Clients that are cut off, and clients side by side.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::parts::TOKEN;
use crate::rig::Rig;

/// One event of a stream: its number and the rest of it.
type Seen = (u64, String);

/// Reads a session's stream after an event, and goes away after this many, or when it is over.
fn listen(rig: &Rig, session: &str, after: u64, most: usize) -> Vec<Seen> {
    let mut stream = TcpStream::connect(&rig.master.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let path = format!("/api/v1/sessions/{session}/events");
    let head = format!("GET {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\n");
    write!(stream, "{head}Accept: text/event-stream\r\nLast-Event-ID: {after}\r\n\r\n").unwrap();
    let (mut seen, mut id, mut text) = (Vec::new(), 0, String::new());
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if let Some(number) = line.strip_prefix("id: ") {
            id = number.parse().unwrap();
        } else if line.starts_with("event: ") || line.starts_with("data: ") {
            text.push_str(&line);
        } else if line.is_empty() && id > 0 {
            let last = text.contains("event: execution.finished");
            seen.push((std::mem::take(&mut id), std::mem::take(&mut text)));
            if last || seen.len() == most {
                return seen;
            }
        }
    }
    panic!("the stream ended: {seen:?}");
}

#[test]
fn a_client_that_is_cut_twenty_times_misses_nothing_and_two_see_the_same() {
    let rig = Rig::new();
    let project = rig.empty_project("streams");
    let line = "n=0; while [ $n -lt 60 ]; do n=$((n+1)); echo line $n; sleep 0.1; done";
    let started = rig.execute(&project, line, &json!({})).ok();
    let session = started["session"].as_str().unwrap();
    let (cut, whole) = std::thread::scope(|scope| {
        let whole = scope.spawn(|| listen(&rig, session, 0, usize::MAX));
        let (mut cut, mut cuts) = (Vec::<Seen>::new(), 0);
        while !cut.last().is_some_and(|(_, text)| text.contains("event: execution.finished")) {
            let after = cut.last().map_or(0, |(id, _)| *id);
            cut.extend(listen(&rig, session, after, if cuts < 20 { 2 } else { usize::MAX }));
            cuts += 1;
        }
        assert!(cuts >= 20, "{cuts}");
        (cut, whole.join().unwrap())
    });
    assert_eq!(cut, whole, "two clients see the same sequence");
    let numbers: Vec<u64> = cut.iter().map(|(id, _)| *id).collect();
    assert_eq!(numbers, (1..=cut.len() as u64).collect::<Vec<_>>());
    let text: String =
        rig.events(session).iter().filter_map(|event| event["data"]["text"].as_str().map(str::to_owned)).collect();
    let expected: String = (1..=60).map(|n| format!("line {n}\n")).collect::<Vec<_>>().concat();
    assert_eq!(text, expected);
}
