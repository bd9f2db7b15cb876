//! Endpoints, certificates, probes and what is told of servers that cannot be reached.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not there fails the test")]

use std::process::Command;
use std::time::Instant;

use workspace_core::clock::Timestamp;
use workspace_core::error::{Error, ErrorKind};
use workspace_core::id::FleetId;
use workspace_core::model::{ServerSpec, TlsMaterial};
use workspace_core::port::ServerPool;
use workspace_core::secret::Secret;
use workspace_docker::{Call, DockerPool};

use crate::common::{Bench, PATIENCE, new_id, plain_spec, record, specs, tls_spec, variable};

fn certificate(name: &str) -> String {
    let path = format!("{}/{name}.pem", variable("WORKSPACE_TEST_CERTS"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn with_tls(edit: impl FnOnce(&mut TlsMaterial)) -> ServerSpec {
    let mut spec = tls_spec();
    edit(spec.tls.as_mut().unwrap());
    spec
}

async fn connect_error(spec: ServerSpec) -> Error {
    DockerPool::new().connect(&record(spec), FleetId::from_uuid(new_id())).await.unwrap_err()
}

async fn probe_error(spec: ServerSpec) -> Error {
    Bench::plain(spec).await.server.probe().await.unwrap_err()
}

#[tokio::test]
async fn a_probe_tells_what_the_server_has() {
    for spec in specs() {
        let has_certificate = spec.tls.is_some();
        let bench = Bench::plain(spec).await;
        let probe = bench.server.probe().await.unwrap();
        let to_come = |ends| ends > workspace_core::environment::Environment::system().now();
        assert_eq!(probe.certificate_expires_at.map(to_come), has_certificate.then_some(true), "{probe:?}");
        let cores = std::thread::available_parallelism().unwrap().get() as u64;
        assert_eq!(probe.totals.cpu_millis, cores * 1000);
        assert!(probe.totals.memory_mib > 100 && probe.totals.disk_gib > 0 && probe.totals.slots > 0, "{probe:?}");
        assert!(probe.engine.starts_with("Docker "), "{probe:?}");
        assert_eq!(probe.architecture, std::env::consts::ARCH);
        assert!(probe.server_time.is_some());
        assert!(probe.warnings.iter().any(|warning| warning.contains("capacity.disk_gib")), "{:?}", probe.warnings);
        bench.calls.take();
        assert_eq!(bench.server.probe().await.unwrap().totals, probe.totals);
        let mut calls = bench.calls.take();
        calls.sort_unstable();
        assert_eq!(calls, [Call::Ping, Call::Info]);
    }
}

/// The fleet's servers have certificates that end before ours and the authority's.
#[tokio::test]
async fn the_certificate_that_the_server_shows_is_looked_at() {
    let shown = format!("{}/server-2.pem", variable("WORKSPACE_TEST_CERTS"));
    let arguments = ["x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in", &shown];
    let told = Command::new("openssl").args(arguments).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let end = told.trim().strip_prefix("notAfter=").unwrap().replace(' ', "T");
    let probe = Bench::plain(tls_spec()).await.server.probe().await.unwrap();
    assert_eq!(probe.certificate_expires_at, Some(Timestamp::parse(&end).unwrap()), "{told}");
}

#[tokio::test]
async fn bad_certificates_are_refused_by_field() {
    for (field, spec) in [
        ("tls.ca", with_tls(|tls| "nonsense".clone_into(&mut tls.ca))),
        ("tls.cert", with_tls(|tls| tls.cert.clear())),
        ("tls.cert", with_tls(|tls| tls.cert = tls.cert.replace("MII", "M!!"))),
        ("tls.key", with_tls(|tls| tls.key = Secret::new("nonsense"))),
        ("tls.key", with_tls(|tls| tls.key = Secret::new(certificate("other-key")))),
        ("tls", ServerSpec { tls: None, ..tls_spec() }),
        ("endpoint", ServerSpec { allow_insecure: false, ..plain_spec() }),
        ("network_cidr", ServerSpec { network_cidr: Some("8.8.8.0/24".to_owned()), ..plain_spec() }),
    ] {
        let error = connect_error(spec).await;
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some(field)), "{}", error.chain());
        assert!(error.next_step().is_some(), "{field}");
        assert!(!format!("{error:?}").contains("PRIVATE"), "a key is shown");
    }
}

#[tokio::test]
async fn identities_that_one_side_does_not_trust_are_told_with_a_hint() {
    let other = |cert: &str, key: &str| {
        with_tls(|tls| {
            tls.cert = certificate(cert);
            tls.key = Secret::new(certificate(key));
        })
    };
    let plain_on_tls = ServerSpec {
        tls: None,
        allow_insecure: true,
        endpoint: tls_spec().endpoint.replace("https", "http"),
        ..tls_spec()
    };
    let tls_on_plain = ServerSpec { endpoint: plain_spec().endpoint.replace("http", "https"), ..tls_spec() };
    for (case, word, spec) in [
        ("another authority for the server", "tls.ca", with_tls(|tls| tls.ca = certificate("other-ca"))),
        ("a client of another authority", "tls.cert", other("other-cert", "other-key")),
        ("an expired client", "tls.cert", other("expired-cert", "expired-key")),
        ("plain HTTP to a TLS port", "https://", plain_on_tls),
        ("TLS to a plain port", "port", tls_on_plain),
    ] {
        let error = probe_error(spec).await;
        assert_eq!(error.kind(), ErrorKind::TlsRefused, "{case}: {}", error.chain());
        let hint = error.next_step().unwrap_or_default();
        assert!(hint.contains(word), "{case}: {hint}");
    }
}

#[tokio::test]
async fn servers_that_are_not_there_are_unreachable_soon() {
    let insecure = |endpoint: &str| ServerSpec { allow_insecure: true, ..ServerSpec::new("gone", endpoint) };
    for spec in
        [insecure("http://127.0.0.1:1"), insecure("unix:///no/such.sock"), insecure("http://no-such-host.invalid")]
    {
        let started = Instant::now();
        let error = probe_error(spec).await;
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{}", error.chain());
        assert!(error.is_retryable() && error.next_step().is_some());
        assert!(started.elapsed() < PATIENCE);
    }
}

#[tokio::test]
async fn a_pool_keeps_what_it_connected_and_forgets_it() {
    let pool = DockerPool::new();
    let fleet = FleetId::from_uuid(new_id());
    let mut known = record(plain_spec());
    let first = pool.connect(&known, fleet).await.unwrap();
    assert_eq!(pool.get(known.id).unwrap().id(), first.id());
    known.spec.endpoint = "http://127.0.0.1:1".to_owned();
    pool.connect(&known, fleet).await.unwrap();
    assert_eq!(pool.get(known.id).unwrap().probe().await.unwrap_err().kind(), ErrorKind::Unreachable);
    first.probe().await.expect("what is in use goes on");
    pool.disconnect(known.id).await;
    pool.disconnect(known.id).await;
    assert!(pool.get(known.id).is_none());
}

/// A handshake for every call would cost more than the call.
#[tokio::test]
async fn connections_are_kept() {
    let bench = Bench::plain(tls_spec()).await;
    let mut took = Vec::new();
    for _ in 0..21 {
        let started = Instant::now();
        bench.server.inspect_container("ws-nobody").await.unwrap();
        took.push(started.elapsed());
    }
    let (first, others) = took.split_first_mut().unwrap();
    others.sort_unstable();
    let each = others[others.len() / 2];
    assert!(each < *first, "first {first:?}, then {each:?} each");
}

/// Such as a gateway that answers while the way to the server is down.
#[tokio::test]
async fn something_else_at_the_address_is_not_believed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    let bench = Bench::plain(ServerSpec::new("stranger", endpoint)).await;
    let error = bench.server.inspect_container("ws-somebody").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{}", error.chain());
    let error = bench.server.remove_container("ws-somebody", bench.fleet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{}", error.chain());
}
