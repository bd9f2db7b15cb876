//! The program itself, from its environment to its end.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what is not there fails the test")]

mod running;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use running::{Running, master};

#[test]
fn it_keeps_what_it_has_over_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let first = Running::start(data.path(), &[]);
    let token = std::fs::read_to_string(data.path().join("admin-token")).unwrap();
    let token = token.trim().to_owned();
    for secret in ["admin-token", "secret-key"] {
        let mode = std::fs::metadata(data.path().join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    for part in ["local-1", "healthy", &token, "/api/docs", "curl "] {
        assert!(first.said.contains(part), "{part} is not in\n{}", first.said);
    }
    let body = r#"{"name":"hello-1","image":"workspace-base","command":["sleep","infinity"]}"#;
    let made = first.ask("POST", "/api/v1/workspaces?wait=30", &token, body);
    assert!(made.starts_with("HTTP/1.1 201 ") && made.contains(r#""status":"running""#), "{made}");

    // An open stream does not keep it from ending.
    let mut stream = TcpStream::connect(&first.address).unwrap();
    let head =
        format!("GET /api/v1/admin/fleet/events HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 15]).unwrap();
    first.end("-INT");

    let second = Running::start(data.path(), &[]);
    let kept = second.ask("GET", "/api/v1/workspaces", &token, "");
    assert!(kept.contains("hello-1"), "{kept}");
    let servers = second.ask("GET", "/api/v1/admin/servers", &token, "");
    assert_eq!(servers.matches(r#""endpoint""#).count(), 2, "{servers}");
    second.end("-TERM");
}

#[test]
fn the_environment_goes_before_what_is_kept() {
    let data = tempfile::tempdir().unwrap();
    let types = r#"{"small":{"image":"workspace-base","command":["sleep","infinity"]}}"#;
    let variables = [("STORE", "memory"), ("WORKSPACE_TOKEN", "from-the-environment"), ("WORKSPACE_TYPES", types)];
    let running = Running::start(data.path(), &variables);
    assert!(!data.path().join("admin-token").exists());
    let answer = running.ask("GET", "/api/v1/workspaces/types", "from-the-environment", "");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("small"), "{answer}");
    running.end("-TERM");
}

#[test]
fn a_bad_value_is_told() {
    let data = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    for (name, value, says) in [
        ("STORE", "oracle", "sqlite, postgres or memory"),
        ("STORE", "postgres", "DATABASE_URL"),
        ("SERVERS", "podman", "docker or local"),
        ("LISTEN", "nowhere", "cannot listen on nowhere"),
        ("LISTEN", &taken, "cannot listen on"),
        ("WORKSPACE_SERVERS", "{", "WORKSPACE_SERVERS"),
        ("WORKSPACE_SERVERS", r#"[{"name":"a","endpoint":"local:///x","colour":"red"}]"#, "colour"),
        ("WORKSPACE_TYPES", "[]", "WORKSPACE_TYPES"),
        ("REGISTRIES", "{}", "REGISTRIES"),
        ("WORKSPACE_SECRET_KEY", "short", "WORKSPACE_SECRET_KEY"),
        ("DATA_DIR", "/proc/nowhere", "DATA_DIR"),
    ] {
        let output = master(data.path(), &[(name, value)]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}={value}: {said}");
        assert!(said.contains("error: ") && said.contains(says), "{name}={value}: {said}");
    }
}
