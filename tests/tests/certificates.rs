//! Certificates of a registered server, replaced while two masters run.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use workspace_fleet::model::{Status, TlsMaterial};
use workspace_fleet::orchestrator::ServerPatch;
use workspace_fleet::port::{ExecRequest, StateStore};
use workspace_fleet::secret::Secret;
use workspace_fleet::sql::{PostgresConfig, PostgresStore, SecretKey};
use workspace_fleet::{Caller, Config, ErrorKind, Orchestrator, Registration, id::MasterId};
use workspace_tests::{docker_pool, eventually, quick, real_part, servers, settled, sleeper};

/// Where the fleet's authority and what it signed are.
fn certificates() -> PathBuf {
    real_part("WORKSPACE_TEST_CERTS").into()
}

fn pem(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Another identity that the server trusts, for three days.
fn issued() -> TlsMaterial {
    let (folder, authority) = (tempfile::tempdir().unwrap(), certificates().canonicalize().unwrap());
    let at = folder.path();
    std::fs::write(at.join("ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    openssl(at, "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -subj /CN=next -out csr");
    let authority = authority.display();
    openssl(
        at,
        &format!(
            "x509 -req -in csr -CA {authority}/ca.pem -CAkey {authority}/ca-key.pem -set_serial 4711 -days 3 \
             -extfile ext -out cert"
        ),
    );
    TlsMaterial { ca: pem(&certificates(), "ca.pem"), cert: pem(at, "cert"), key: Secret::new(pem(at, "key")) }
}

async fn master(name: &str, store: &Arc<PostgresStore>) -> Orchestrator {
    let config = Config { master: MasterId::new(name), probe_interval: Duration::from_secs(1), ..quick() };
    let store = Arc::clone(store) as Arc<dyn StateStore>;
    Orchestrator::builder(docker_pool()).shared_store(store).config(config).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_replaced_while_masters_run() {
    let schema = format!("certificates_{}", std::process::id());
    let config = PostgresConfig { schema, ..PostgresConfig::default() };
    let url = real_part("WORKSPACE_TEST_DATABASE_URL");
    let store = Arc::new(PostgresStore::open_with(&url, SecretKey::generate(), &config).await.unwrap());
    let (first, second) = (master("first", &store).await, master("second", &store).await);
    let (admin, spec) = (Caller::admin(), servers().into_iter().find(|spec| spec.tls.is_some()).unwrap());
    let server = first.register_server(&admin, spec, Registration::MustAnswer, None).await.unwrap();
    let id = server.record.id;
    let row = second.create_workspace(&admin, sleeper("on-tls"), None).await.unwrap();
    let row = settled(&second, &row, Status::Running).await;

    for name in ["expired", "other"] {
        let certs = certificates();
        let wrong = TlsMaterial {
            ca: pem(&certs, "ca.pem"),
            cert: pem(&certs, &format!("{name}-cert.pem")),
            key: Secret::new(pem(&certs, &format!("{name}-key.pem"))),
        };
        let patch = ServerPatch { tls: Some(wrong), ..ServerPatch::default() };
        let refused = first.update_server(&admin, id, patch, None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TlsRefused, "{name}: {}", refused.chain());
        assert_eq!(first.server(&admin, id).await.unwrap().record, server.record, "{name}: nothing is changed");
    }

    let next = issued();
    let patch = ServerPatch { tls: Some(next.clone()), ..ServerPatch::default() };
    let changed = first.update_server(&admin, id, patch, None).await.unwrap();
    assert_eq!((changed.record.revision, &changed.record.spec.tls), (server.record.revision + 1, &Some(next)));
    first.exec(&admin, row.id, ExecRequest::new(["true"])).await.unwrap();
    first.shutdown().await;

    // Only the other master looks from now on, and it was not told.
    let before = server.observation.probe.unwrap().certificate_expires_at.unwrap();
    eventually("the other master shows the new certificate", async || {
        let seen = second.server(&admin, id).await.unwrap().observation.probe.unwrap();
        let warned = seen.warnings.iter().any(|warning| warning.contains("certificate"));
        warned && seen.certificate_expires_at.unwrap() < before
    })
    .await;
    second.exec(&admin, row.id, ExecRequest::new(["true"])).await.unwrap();
    second.delete_workspace(&admin, row.id, None).await.unwrap();
    settled(&second, &row, Status::Deleted).await;
    second.cordon_server(&admin, id).await.unwrap();
    second.remove_server(&admin, id).await.unwrap();
    second.shutdown().await;
}
