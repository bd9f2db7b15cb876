//! Rules of programs: code, output, input, where they start.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::join_all;
use tokio::time::Instant;

use super::rig::{done, folder, refused, run, shell, told};
use crate::error::ErrorKind;
use crate::port::{Channel, ExecEnd, ExecEvent, ExecRequest};

/// A program's code is told as it is, and 128 + n for signal n.
pub async fn programs_tell_their_code(channel: &dyn Channel) {
    for code in [0, 1, 7, 255] {
        let done = run(channel, shell(format!("exit {code}"))).await;
        assert_eq!(done.end, ExecEnd::Exited(code), "a program's code is told");
        assert!(!done.truncated, "nothing is dropped of a program that writes nothing");
    }
    let done = run(channel, shell("kill -9 $$")).await;
    assert_eq!(done.end, ExecEnd::Exited(137), "a program that a signal ended tells 128 + its number");
}

/// Standard output and standard error come apart, whole and in order.
pub async fn output_is_split(channel: &dyn Channel) {
    let done = run(channel, shell("for i in 1 2 3; do echo out $i; echo err $i >&2; done; printf last")).await;
    assert_eq!(done.stdout, "out 1\nout 2\nout 3\nlast", "standard output comes whole");
    assert_eq!(done.stderr, "err 1\nerr 2\nerr 3\n", "standard error comes whole");
}

/// Output comes while the program runs, not at its end.
pub async fn output_comes_while_the_program_runs(channel: &dyn Channel) {
    let mut stream = channel.exec(shell("echo first; sleep 30")).await.expect("the program starts");
    let first = tokio::time::timeout(Duration::from_secs(15), stream.next()).await;
    let first = first.expect("output comes while the program runs").expect("the stream goes on");
    assert_eq!(first.expect("output comes"), ExecEvent::Stdout(Bytes::from("first\n")), "output comes as written");
}

/// Input is written to stdin, which is then closed; without input stdin is empty.
pub async fn input_is_written_and_closed(channel: &dyn Channel) {
    let mut request = shell("cat; echo end");
    request.stdin = Some(Bytes::from("one\ntwo"));
    assert_eq!(run(channel, request).await.stdout, "one\ntwoend\n", "input is written and closed");
    let mut request = shell("cat; echo end");
    request.stdin = Some(Bytes::new());
    assert_eq!(run(channel, request).await.stdout, "end\n", "empty input is closed");
    assert_eq!(run(channel, shell("cat; echo end")).await.stdout, "end\n", "without input stdin is empty");
}

/// More input and output than any buffer holds flows both ways at once.
pub async fn large_input_and_output_flow_both_ways(channel: &dyn Channel) {
    let input = (0..300_000).map(|number| format!("{number:06}")).collect::<Vec<_>>().join("\n");
    let mut request = ExecRequest::new(["cat"]);
    request.stdin = Some(Bytes::from(input.clone()));
    request.output_limit = 4 << 20;
    let done = run(channel, request).await;
    assert_eq!((done.end, done.truncated), (ExecEnd::Exited(0), false), "2 MiB go through a program");
    assert!(done.stdout == input, "2 MiB come back as they went, {} of {} bytes", done.stdout.len(), input.len());
}

/// Input that the program does not read holds nothing up.
pub async fn unread_input_does_no_harm(channel: &dyn Channel) {
    let mut request = shell("exit 3");
    request.stdin = Some(Bytes::from(vec![b'x'; 1 << 20]));
    assert_eq!(run(channel, request).await.end, ExecEnd::Exited(3), "input that is not read does no harm");
    assert_eq!(told(channel, "echo still here").await, "still here", "the channel goes on after unread input");
}

/// A program starts in `/workspace`, in a folder below it, or at an absolute path; a missing one is refused.
pub async fn the_working_directory_is_kept(channel: &dyn Channel) {
    let name = folder();
    let root = told(channel, format!("mkdir -p {name}/below && pwd")).await;
    for (cwd, expected) in [
        (None, root.clone()),
        (Some("/workspace".to_owned()), root.clone()),
        (Some(name.clone()), format!("{root}/{name}")),
        (Some(format!("/workspace/{name}/below")), format!("{root}/{name}/below")),
        (Some("/".to_owned()), "/".to_owned()),
    ] {
        let mut request = shell("pwd");
        request.cwd.clone_from(&cwd);
        assert_eq!(run(channel, request).await.stdout.trim(), expected, "a program starts in {cwd:?}");
    }
}

/// Variables are added to the container's environment, and values are taken as they are.
pub async fn the_environment_is_added(channel: &dyn Channel) {
    let mut request = shell("printf '%s|%s|%s' \"$PATH\" \"$PLAIN\" \"$ODD\"");
    request.env.insert("PLAIN".to_owned(), "value".to_owned());
    request.env.insert("ODD".to_owned(), "a $HOME \"b\"\n=c".to_owned());
    let path = told(channel, "printf %s \"$PATH\"").await;
    let expected = format!("{path}|value|a $HOME \"b\"\n=c");
    assert_eq!(run(channel, request).await.stdout, expected, "variables are added as they are");
    assert_eq!(told(channel, "printf %s \"$PLAIN\"").await, "", "a variable is not seen by another program");
}

/// A program that does not exist, or that cannot be run, is told as such before anything is streamed.
pub async fn missing_programs_are_told(channel: &dyn Channel) {
    for program in ["no-such-program-here", "/no/such/program", "/etc/passwd", "/"] {
        let answer = channel.exec(ExecRequest::new([program])).await;
        refused(&format!("{program} is no program"), answer.map(|_| ()), ErrorKind::ProgramNotFound);
    }
    let answer = channel.exec(ExecRequest::new(Vec::<String>::new())).await;
    refused("a program is needed", answer.map(|_| ()), ErrorKind::Invalid);
}

/// A program that runs too long is ended at its limit; what it wrote before is there.
pub async fn programs_end_at_the_time_limit(channel: &dyn Channel) {
    let mut request = shell("echo begun; sleep 60");
    request.timeout = Duration::from_millis(700);
    let started = Instant::now();
    let done = run(channel, request).await;
    assert_eq!((done.end, done.stdout.as_str()), (ExecEnd::TimeLimit, "begun\n"), "a program ends at its time limit");
    assert!(started.elapsed() < Duration::from_secs(20), "the limit is kept: {:?}", started.elapsed());
}

/// Output beyond the limit is dropped, both streams together, and said to be; the program goes on to its end.
pub async fn output_is_cut_at_the_limit(channel: &dyn Channel) {
    let mut request = shell("seq 1 100000; seq 1 100000 >&2; exit 5");
    request.output_limit = 1_000;
    let done = run(channel, request).await;
    assert_eq!(done.stdout.len() + done.stderr.len(), 1_000, "exactly the limit is kept");
    assert_eq!((done.end, done.truncated), (ExecEnd::Exited(5), true), "what was dropped is told");
    let mut request = shell("printf 12345");
    request.output_limit = 5;
    let done = run(channel, request).await;
    assert_eq!((done.stdout.as_str(), done.truncated), ("12345", false), "at the limit nothing is dropped");
}

/// A hundred programs run at once on one channel, and none gets another's output.
pub async fn many_programs_run_at_once(channel: &dyn Channel) {
    let runs = (0..100).map(|number| async move {
        let done = run(channel, shell(format!("echo {number}; sleep 0.2; echo {number} >&2; exit {number}"))).await;
        let line = format!("{number}\n");
        assert_eq!((done.end, &done.stdout, &done.stderr), (ExecEnd::Exited(number), &line, &line), "each has its own");
    });
    join_all(runs).await;
}

/// A stream that nobody reads holds up neither others nor, in the end, the channel.
pub async fn a_slow_reader_holds_up_nobody(channel: &dyn Channel) {
    let mut request = shell("seq 1 400000");
    request.output_limit = 16 << 20;
    let slow = channel.exec(request).await.expect("the program starts");
    for _ in 0..5 {
        assert_eq!(told(channel, "echo quick").await, "quick", "another program is not held up");
    }
    let expected: usize = (1..=400_000).map(|number: u32| number.to_string().len() + 1).sum();
    assert_eq!(done(slow).await.stdout.len(), expected, "a slow reader gets everything");
}
